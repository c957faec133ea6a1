/* cli/program.c: the program `nika`: its command line over the protocols of the tree. */
#include "include/nika/testbed.h"

int main(int argc, char **argv)
{
    return nika_main(argc, argv);
}
