/*
 * Command lines and environments: read or refused with one printable line, never anything else.
 * Input: texts that end in a zero byte; NAME=value of a known prefix goes into the environment, the
 * rest is argv. The first byte chooses the program.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/config.h"
#include "common/utf8.h"
#include "fake_gen/gen_options.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 40 };

static bool goes_into_environment(const char *word)
{
    static const char *const prefixes[] = {"AGGREGATOR_", "FAKE_GEN_", "DB_",    "PG",
                                           "INPUT_FILE",  "TMPDIR",    "EVENTS", "SEED"};
    if (strchr(word, '=') == NULL)
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(word, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void check_refusal(const struct err *err)
{
    size_t len = strlen(err->text);

    HOLDS(err->status == STATUS_USAGE && len > 0);
    for (size_t at = 0, width; at < len; at += width) {
        width = utf8_length((const unsigned char *)err->text + at, len - at);
        HOLDS(width > 0);
        HOLDS((unsigned char)err->text[at] >= 0x20 && err->text[at] != 0x7f);
    }
}

static void check_config(const struct config *config)
{
    HOLDS(config->threads >= 1 && config->threads <= 256 &&
          (config->operand_count >= 1 || config->files_from != NULL));
    HOLDS(config->shard.index < config->shard.count);
    HOLDS(config->max_key >= 1 && config->max_key <= SCAN_KEY_LIMIT);
    HOLDS(config->max_memory >= FOLD_MEMORY_MIN + config->max_line);
    HOLDS(config->table_name.table[0] != '\0' && !field_overlaps(&config->key, &config->value));
    HOLDS(strcmp(config->key_column, config->value_column) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool quiet;
    char *argv[WORDS_MAX + 2] = {0}, *environment[WORDS_MAX + 2] = {0}, **kept = environ;
    char *text = malloc(size + 1);
    int argc = 1;
    size_t env_count = 0;
    struct err err = {0};

    if (!quiet) { /* --help */
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        HOLDS(nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0);
        quiet = true;
    }
    HOLDS(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    argv[0] = (char *)(uintptr_t) "fuzz";
    for (char *word = text + 1; size > 1 && word < text + size; word += strlen(word) + 1) {
        if (goes_into_environment(word) && env_count < WORDS_MAX)
            environment[env_count++] = word;
        else if (argc <= WORDS_MAX)
            argv[argc++] = word;
    }
    environ = environment;
    enum options_outcome outcome;
    if (size > 0 && data[0] % 2 == 1) {
        struct gen_options options;
        outcome = gen_options_read(&options, argc, argv, &err);
    } else {
        struct config config;
        outcome = config_read(&config, argc, argv, &err);
        if (outcome == OPTIONS_RUN)
            check_config(&config);
    }
    (void)options_log_format("AGGREGATOR", argc, argv);
    if (outcome == OPTIONS_BAD)
        check_refusal(&err);
    environ = kept;
    free(text);
    return 0;
}
