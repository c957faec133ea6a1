/* engine/shim/link_tls.c: see link_tls.h. */
#include "engine/shim/link_tls.h"

#include "engine/core/assert.h"
#include "engine/core/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define REASON_SIZE 160u

struct nika_tls {
    const struct nika_cluster *cluster;
    SSL_CTX *context;
    BIO_METHOD *socket;
};
struct nika_tls_stream {
    SSL *ssl;
    struct nika_tls *tls;
    uint32_t calling;
    int fd;
    bool waits_for_peer;
    struct nika_key peer; /* Set by check_identity(). */
    char reason[REASON_SIZE];
};

/* ---- the socket, as OpenSSL sees it: its own would let SIGPIPE end the process ---- */
static int socket_read(BIO *bio, char *bytes, int size)
{
    struct nika_tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(stream->fd, bytes, (size_t)size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)got;
}

static int socket_write(BIO *bio, const char *bytes, int size)
{
    struct nika_tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(stream->fd, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* Nothing is kept back here. */
}

static BIO_METHOD *socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "nika socket");
    if (method == NULL) return NULL;
    (void)BIO_meth_set_read(method, socket_read);
    (void)BIO_meth_set_write(method, socket_write);
    (void)BIO_meth_set_ctrl(method, socket_control);
    return method;
}

/* ---- certificates ---- */
/* For all times: who may speak is decided by the cluster file, not by a date. */
static X509 *certificate_of(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    bool good = certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
                ASN1_TIME_set_string(X509_getm_notBefore(certificate), "19700101000000Z") == 1 &&
                ASN1_TIME_set_string(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
                X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                           (const unsigned char *)"nika", -1, -1, 0) == 1 &&
                X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
                X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, NULL) > 0;
    if (good) return certificate;
    X509_free(certificate);
    return NULL;
}

static bool is_member(const struct nika_cluster *cluster, const struct nika_key *identity)
{
    uint32_t count = cluster->config.n + cluster->config.clients;
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&cluster->members[i].identity, identity, sizeof *identity) == 0) return true;
    }
    return false;
}

/* In place of a chain of authorities: the key itself must be one that the cluster file names. That its owner is there shows in the
 * signature of the hand-shake, which OpenSSL checks. */
static int check_identity(X509_STORE_CTX *store, void *context)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct nika_tls_stream *stream = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    size_t size = sizeof stream->peer.bytes;
    (void)context;
    bool good = key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 &&
                EVP_PKEY_get_raw_public_key(key, stream->peer.bytes, &size) == 1 &&
                size == sizeof stream->peer.bytes;
    if (good && stream->calling == NIKA_NODE_NONE)
        good = is_member(stream->tls->cluster, &stream->peer);
    else if (good)
        good = memcmp(&nika_cluster_member(stream->tls->cluster, stream->calling)->identity,
                      &stream->peer, sizeof stream->peer) == 0;
    if (!good) X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return good ? 1 : 0;
}

/* ---- the context ---- */
static bool configure(SSL_CTX *context, const struct nika_key *identity)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, identity->bytes,
                                                 sizeof identity->bytes);
    X509 *certificate = key == NULL ? NULL : certificate_of(key);
    bool good = certificate != NULL &&
                SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
                SSL_CTX_set_num_tickets(context, 0) == 1 &&
                SSL_CTX_use_certificate(context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, check_identity, NULL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return good;
}

struct nika_tls *nika_tls_new(const struct nika_cluster *cluster, const struct nika_key *identity)
{
    struct nika_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) return NULL;
    tls->cluster = cluster;
    nika_auth_need_all();
    tls->context = SSL_CTX_new(TLS_method());
    tls->socket = socket_method();
    if (tls->context != NULL && tls->socket != NULL && configure(tls->context, identity))
        return tls;
    ERR_clear_error();
    nika_tls_free(tls);
    return NULL;
}

void nika_tls_free(struct nika_tls *tls)
{
    if (tls == NULL) return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    free(tls);
}

/* ---- one connection ---- */
struct nika_tls_stream *nika_tls_stream_new(struct nika_tls *tls, int fd, uint32_t calling)
{
    struct nika_tls_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) return NULL;
    NIKA_ASSERT(calling == NIKA_NODE_NONE || nika_cluster_member(tls->cluster, calling) != NULL);
    stream->tls = tls;
    stream->fd = fd;
    stream->calling = calling;
    stream->ssl = SSL_new(tls->context);
    BIO *bio = stream->ssl == NULL ? NULL : BIO_new(tls->socket);
    if (bio == NULL) {
        ERR_clear_error();
        nika_tls_stream_free(stream);
        return NULL;
    }
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(stream->ssl, bio, bio); /* Takes it. */
    (void)SSL_set_app_data(stream->ssl, stream);
    if (calling == NIKA_NODE_NONE)
        SSL_set_accept_state(stream->ssl);
    else
        SSL_set_connect_state(stream->ssl);
    return stream;
}

void nika_tls_stream_free(struct nika_tls_stream *stream)
{
    if (stream == NULL) return;
    SSL_free(stream->ssl);
    free(stream);
}

/* What a call of OpenSSL that brought no bytes means, in the words of a socket. */
static ssize_t outcome(struct nika_tls_stream *stream, int result, int socket_errno)
{
    int error = SSL_get_error(stream->ssl, result);
    unsigned long code = ERR_peek_error();
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    stream->waits_for_peer = error == SSL_ERROR_WANT_READ;
    errno = EAGAIN;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return -1;
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    errno = socket_errno != 0 ? socket_errno : ECONNRESET;
    if (error == SSL_ERROR_SYSCALL) return -1;
    snprintf(stream->reason, sizeof stream->reason, "TLS: %s",
             text != NULL ? text : "broken by the other side");
    errno = EPROTO;
    return -1;
}

ssize_t nika_tls_receive(struct nika_tls_stream *stream, uint8_t *bytes, size_t size)
{
    size_t got = 0;
    errno = 0;
    int result = SSL_read_ex(stream->ssl, bytes, size, &got);
    if (result == 1) return (ssize_t)got;
    return outcome(stream, result, errno);
}

ssize_t nika_tls_send(struct nika_tls_stream *stream, const uint8_t *bytes, size_t size)
{
    size_t sent = 0;
    errno = 0;
    int result = SSL_write_ex(stream->ssl, bytes, size, &sent);
    stream->waits_for_peer = false;
    if (result == 1) return (ssize_t)sent;
    return outcome(stream, result, errno);
}

bool nika_tls_waits_for_peer(const struct nika_tls_stream *stream)
{
    return stream->waits_for_peer;
}

const struct nika_key *nika_tls_peer(const struct nika_tls_stream *stream)
{
    return SSL_is_init_finished(stream->ssl) ? &stream->peer : NULL;
}

const char *nika_tls_reason(const struct nika_tls_stream *stream)
{
    return stream->reason[0] != '\0' ? stream->reason : "TLS: broken by the other side";
}
