/* Runs a fuzz target over the files named, without a fuzzer: any compiler, any profile. */
#include "tests/fuzz/fuzz.h"

static uint8_t bytes[1 << 20];

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        size_t size = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
        (void)fprintf(stderr, "%s\n", argv[i]); /* the last one named is the one that failed */
        /* A copy of its own, so that a sanitizer sees a read past the end. */
        uint8_t *copy = malloc(size > 0 ? size : 1);
        HOLDS(copy != NULL);
        for (size_t at = 0; at < size; at++)
            copy[at] = bytes[at];
        (void)LLVMFuzzerTestOneInput(copy, size);
        free(copy);
    }
    return argc > 1 ? 0 : 1;
}
