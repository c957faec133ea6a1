/* engine/core/limits.h: every named maximum of the framework, each with its reason. */
#ifndef ENGINE_CORE_LIMITS_H
#define ENGINE_CORE_LIMITS_H

#define NIKA_PILLARS_MAX 8u    /* Each has its own queue, counters and processor. */
#define NIKA_REPLICAS_MAX 128u /* Certificates grow with n^2; 128 keeps NEW-VIEW under 16 MiB. */
#define NIKA_CLIENTS_MAX 4096u /* Reply cache is per registered client and replicated. */
#define NIKA_WINDOW_MAX 1024u  /* Log window L; slots are preallocated. */
#define NIKA_BATCH_COUNT_MAX 1024u          /* Requests in one batch. */
#define NIKA_BATCH_BYTES_MAX (256u * 1024u) /* PROTOCOLS.md 0, B_BYTES. */
#define NIKA_OP_SIZE_MAX (64u * 1024u)      /* PROTOCOLS.md 0, MAX_OP. */
#define NIKA_REPLY_SIZE_MAX (64u * 1024u)   /* A reply fits one control frame of the bulk class. */
#define NIKA_CONTROL_SIZE_MAX (16u * 1024u) /* Votes, STATUS, CHECKPOINT (PROTOCOLS.md 5). */
#define NIKA_CHUNK_SIZE_MAX (64u * 1024u)   /* State-transfer chunk (PROTOCOLS.md 5). */
#define NIKA_CHUNKS_MAX 65536u              /* Chunks in one snapshot: 4 GiB of state. */
#define NIKA_MESSAGE_SIZE_MAX                                                                      \
    (16u * 1024u * 1024u)         /* MAX_NV for n=31, L=128 is 8.5 MB (PROTOCOLS.md 5). */
#define NIKA_AUTH_SIZE_MAX 256u   /* RSA-2048 signature. */
#define NIKA_MERKLE_DEPTH_MAX 16u /* log2(NIKA_CHUNKS_MAX). */
#define NIKA_FIELDS_MAX 16u       /* Fields of one wire message. */
#define NIKA_NESTING_MAX 4u       /* NEW-VIEW > VIEW-CHANGE > certificate > vote. */
/* Snapshots that an application and its disk keep: nika_config_snapshots() of them, the stable one and one for each checkpoint of
 * the window, for a peer may need any of these. So a window is at most 8 checkpoint intervals. */
#define NIKA_SNAPSHOTS_MAX 9u
#define NIKA_TIMERS_MAX 16u  /* Timer slots of one module. */
#define NIKA_BACKOFF_MAX 16u /* Cap on doublings of the view-change time-out. */

#endif
