/* Looks up each of argv[2...] argv[1] times; names may be missing. */
#include <stdlib.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
    struct stat status;
    long found = 0;
    for (long left = atol(argv[1]); left > 0; left--)
        for (int i = 2; i < argc; i++) found += stat(argv[i], &status) == 0;
    return found == 0;
}
