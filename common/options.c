#include "common/options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/num.h"
#include "common/program.h"

enum {
    SPECS_MAX = 64,
    ENV_NAME_MAX = 64,
    HELP_MAX = 16 * 1024,
    FIRST_LONG_KEY = 0x1000, /* above any letter; the key of a long-only option is this + index */
    KEY_HELP = '?',
    KEY_VERSION = 'V',
};

/* Options' values. */

static bool out_of_range(const char *text, const struct option_spec *spec, const char *unit,
                         struct err *err)
{
    return err_set(err, STATUS_USAGE, "'%s' is out of range: %llu to %llu%s", text,
                   (unsigned long long)spec->min, (unsigned long long)spec->max, unit);
}

bool option_u64(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    uint64_t value;
    if (!num_u64(text, &value)) {
        if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
            return out_of_range(text, spec, "", err);
        return err_set(err, STATUS_USAGE, "'%s' is not a whole number from %llu to %llu", text,
                       (unsigned long long)spec->min, (unsigned long long)spec->max);
    }
    if (value < spec->min || value > spec->max)
        return out_of_range(text, spec, "", err);
    *(uint64_t *)target = value;
    return true;
}

bool option_size(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    uint64_t value;
    if (!num_size(text, &value))
        return err_set(err, STATUS_USAGE, "'%s' is not a size such as 65536, 64K, 256M or 2G",
                       text);
    if (value < spec->min || value > spec->max)
        return out_of_range(text, spec, " bytes", err);
    *(uint64_t *)target = value;
    return true;
}

bool option_duration(void *target, const char *text, const struct option_spec *spec,
                     struct err *err)
{
    uint64_t value;
    if (!num_duration(text, &value))
        return err_set(err, STATUS_USAGE, "'%s' is not a duration such as 500ms, 60s, 5m or 1h",
                       text);
    if (value < spec->min || value > spec->max)
        return err_set(err, STATUS_USAGE, "'%s' is out of range: %llums to %llus", text,
                       (unsigned long long)spec->min, (unsigned long long)spec->max / 1000);
    *(uint64_t *)target = value;
    return true;
}

bool option_decimal(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    double value;
    if (!num_decimal(text, &value))
        return err_set(err, STATUS_USAGE, "'%s' is not a decimal number such as 1.1", text);
    if (value < (double)spec->min || value > (double)spec->max)
        return out_of_range(text, spec, "", err);
    *(double *)target = value;
    return true;
}

bool option_text(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    (void)spec;
    if (text[0] == '\0')
        return err_set(err, STATUS_USAGE, "the value is empty");
    *(const char **)target = text;
    return true;
}

bool option_flag(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};

    (void)spec;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *(bool *)target = i % 2 == 1;
            return true;
        }
    }
    return err_set(err, STATUS_USAGE, "'%s' is not one of 1, 0, true, false, yes, no, on, off",
                   text);
}

bool option_choice(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    const size_t len = strlen(text);
    int index = 0;

    for (const char *word = spec->choices; len > 0;) {
        size_t word_len = strcspn(word, "|");
        if (word_len == len && memcmp(word, text, len) == 0) {
            *(int *)target = index;
            return true;
        }
        if (word[word_len] == '\0')
            break;
        word += word_len + 1;
        index++;
    }
    return err_set(err, STATUS_USAGE, "'%s' is not one of %s", text, spec->choices);
}

bool option_shard(void *target, const char *text, const struct option_spec *spec, struct err *err)
{
    struct shard *shard = target;
    (void)spec;
    if (!num_shard(text, &shard->index, &shard->count))
        return err_set(err, STATUS_USAGE,
                       "'%s' is not I/N with I from 0 to N-1, such as 0/4 for the first of four",
                       text);
    return true;
}

/* The table. */

struct reading {
    const struct program_info *info;
    const struct option_spec *specs;
    void *config;
    bool seen[SPECS_MAX];
    bool help, version;
    struct operands *operands;
    struct err *err;
};

static int key_of(const struct option_spec *specs, size_t index)
{
    return specs[index].short_name != 0 ? specs[index].short_name : FIRST_LONG_KEY + (int)index;
}

static bool apply(struct reading *reading, size_t index, const char *text, const char *source)
{
    const struct option_spec *spec = &reading->specs[index];

    if (spec->parse((char *)reading->config + spec->offset, text, spec, reading->err))
        return true;
    if (source != NULL)
        return err_prefix(reading->err, "%s (the environment's --%s)", source, spec->name);
    return err_prefix(reading->err, "--%s", spec->name);
}

static void env_name(const struct program_info *info, const struct option_spec *spec,
                     char out[ENV_NAME_MAX])
{
    (void)snprintf(out, ENV_NAME_MAX, "%s_%s", info->env_prefix, spec->name);
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

static bool apply_environment(struct reading *reading)
{
    for (size_t i = 0; reading->specs[i].name != NULL; i++) {
        const struct option_spec *spec = &reading->specs[i];
        char own[ENV_NAME_MAX];

        if (reading->seen[i] || spec->argv_only)
            continue;
        env_name(reading->info, spec, own);
        const char *names[] = {own, spec->env_alias};
        for (size_t n = 0; n < 2 && names[n] != NULL; n++) {
            const char *text = getenv(names[n]);
            if (text == NULL || text[0] == '\0')
                continue;
            if (!apply(reading, i, text, names[n]))
                return false;
            break;
        }
    }
    return true;
}

static bool apply_defaults(struct reading *reading)
{
    for (size_t i = 0; reading->specs[i].name != NULL; i++)
        if (reading->specs[i].fallback != NULL &&
            !apply(reading, i, reading->specs[i].fallback, NULL)) {
            reading->err->status = STATUS_BUG;
            return false;
        }
    return true;
}

/* Names are checked first: argp would take abbreviations and print its own errors. */

static const struct option_spec help_specs[] = {
    {.name = "help"}, {.name = "version"}, {.name = NULL}};

static const struct option_spec *find_long(const struct option_spec *specs, const char *name,
                                           size_t len)
{
    for (; specs->name != NULL; specs++)
        if (strlen(specs->name) == len && memcmp(specs->name, name, len) == 0)
            return specs;
    return NULL;
}

/* The long name that is nearest to a mistyped one: what begins alike. */
static const char *suggestion(const struct option_spec *specs, const char *name, size_t len)
{
    const char *best = NULL;
    size_t best_len = 1;
    for (; specs->name != NULL; specs++) {
        size_t same = 0;
        while (same < len && specs->name[same] == name[same])
            same++;
        if (same > best_len) {
            best = specs->name;
            best_len = same;
        }
    }
    return best;
}

static bool check_long(const struct option_spec *specs, const char *name, bool *ret_takes_next,
                       struct err *err)
{
    size_t len = strcspn(name, "=");
    const struct option_spec *spec = find_long(specs, name, len);

    if (spec == NULL)
        spec = find_long(help_specs, name, len);
    if (spec == NULL) {
        const char *near = suggestion(specs, name, len);
        return err_set(err, STATUS_USAGE, "unknown option --%.*s%s%s%s; see --help", (int)len, name,
                       near == NULL ? "" : " (did you mean --", near == NULL ? "" : near,
                       near == NULL ? "" : "?)");
    }
    if (name[len] == '=' && spec->arg == NULL)
        return err_set(err, STATUS_USAGE, "--%s takes no value", spec->name);
    *ret_takes_next = spec->arg != NULL && name[len] != '=';
    return true;
}

static bool check_short(const struct option_spec *specs, const char *letters, bool *ret_takes_next,
                        struct err *err)
{
    for (; *letters != '\0'; letters++) {
        const struct option_spec *spec = specs;
        if (*letters == KEY_HELP || *letters == KEY_VERSION)
            continue;
        while (spec->name != NULL && spec->short_name != *letters)
            spec++;
        if (spec->name == NULL)
            return err_set(err, STATUS_USAGE, "unknown option -%c; see --help", *letters);
        if (spec->arg != NULL) {
            *ret_takes_next = letters[1] == '\0';
            return true;
        }
    }
    return true;
}

static bool check_names(const struct option_spec *specs, int argc, char **argv, struct err *err)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool takes_next = false;
        const char *shown = argv[i];

        if (argv[i][0] != '-' || argv[i][1] == '\0')
            continue;
        bool known = argv[i][1] == '-' ? check_long(specs, argv[i] + 2, &takes_next, err)
                                       : check_short(specs, argv[i] + 1, &takes_next, err);
        if (!known)
            return false;
        if (takes_next && ++i == argc)
            return err_set(err, STATUS_USAGE, "%s needs a value; see --help", shown);
    }
    return true;
}

/* What argp calls. */

static error_t parse_key(int key, char *text, struct argp_state *state)
{
    struct reading *reading = state->input;

    if (key == KEY_HELP) {
        reading->help = true;
        return 0;
    }
    if (key == KEY_VERSION) {
        reading->version = true;
        return 0;
    }
    if (key == ARGP_KEY_ARGS) {
        reading->operands->item = state->argv + state->next;
        reading->operands->count = state->argc - state->next;
        return 0;
    }
    for (size_t i = 0; reading->specs[i].name != NULL; i++) {
        if (key_of(reading->specs, i) != key)
            continue;
        reading->seen[i] = true;
        return apply(reading, i, text == NULL ? "1" : text, NULL) ? 0 : EINVAL;
    }
    return ARGP_ERR_UNKNOWN;
}

static bool option_help(const struct program_info *info, const struct option_spec *spec,
                        struct buf *text, struct err *err)
{
    char env[ENV_NAME_MAX];
    env_name(info, spec, env);

    buf_add_text(text, spec->help);
    if (spec->fallback != NULL)
        buf_printf(text, " [%s]", spec->fallback);
    if (spec->env_alias != NULL)
        buf_printf(text, " ($%s)", spec->env_alias);
    return buf_ok(text, err);
}

static bool flush_stdout(struct err *err)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    return err_errno(err, errno, "cannot write to standard output");
}

static bool print_help(const struct argp *argp, const struct program_info *info, struct err *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s", info->name);
    argp_help(argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_PRE_DOC, name);
    (void)printf("\nEach option is also read from %s_<NAME>, dashes as underscores; an empty "
                 "variable\nis unset. Option beats environment beats [default].\n%s%s",
                 info->env_prefix, info->epilog == NULL ? "" : "\n",
                 info->epilog == NULL ? "" : info->epilog);
    return flush_stdout(err);
}

static bool print_version(const struct program_info *info, struct err *err)
{
    (void)printf("%s %s\n", info->name, PROGRAM_VERSION);
    return flush_stdout(err);
}

static bool check_operands(const struct reading *reading)
{
    if (reading->info->operands == NULL && reading->operands->count > 0)
        return err_set(reading->err, STATUS_USAGE, "unexpected argument '%s'; see --help",
                       reading->operands->item[0]);
    return true;
}

/* Help texts live in one buffer each, so that argp can borrow them. */
static bool build_argp(const struct program_info *info, const struct option_spec *specs,
                       struct argp_option options[], struct buf texts[], struct err *err)
{
    size_t count = 0;
    for (; specs[count].name != NULL; count++) {
        if (count + 3 > SPECS_MAX)
            return err_set(err, STATUS_BUG, "more than %d options", SPECS_MAX - 3);
        if (!option_help(info, &specs[count], &texts[count], err))
            return false;
        options[count] = (struct argp_option){
            .name = specs[count].name,
            .key = key_of(specs, count),
            .arg = specs[count].arg,
            .doc = texts[count].data,
            .group = (int)count + 1, /* keeps the table's order */
        };
    }
    options[count++] = (struct argp_option){
        .name = "help", .key = KEY_HELP, .doc = "print this help and exit", .group = -1};
    options[count++] = (struct argp_option){
        .name = "version", .key = KEY_VERSION, .doc = "print the version and exit", .group = -1};
    options[count] = (struct argp_option){0};
    return true;
}

static enum options_outcome read_all(struct reading *reading, const struct argp *argp, int argc,
                                     char **argv)
{
    struct err *err = reading->err;

    if (!apply_defaults(reading) || !check_names(reading->specs, argc, argv, err))
        return OPTIONS_BAD;
    err->text[0] = '\0';
    error_t failed = argp_parse(argp, argc, argv, ARGP_SILENT, NULL, reading);
    if (reading->help)
        return print_help(argp, reading->info, err) ? OPTIONS_DONE : OPTIONS_BAD;
    if (reading->version)
        return print_version(reading->info, err) ? OPTIONS_DONE : OPTIONS_BAD;
    if (failed != 0) {
        if (failed == ENOMEM)
            (void)err_set(err, STATUS_TRANSIENT, "out of memory for the options");
        else if (err->text[0] == '\0')
            (void)err_set(err, STATUS_USAGE, "unusable options; see --help");
        return OPTIONS_BAD;
    }
    return apply_environment(reading) && check_operands(reading) ? OPTIONS_RUN : OPTIONS_BAD;
}

enum options_outcome options_read(const struct program_info *info, const struct option_spec *specs,
                                  void *config, struct operands *ret_operands, int argc,
                                  char **argv, struct err *err)
{
    static char argp_format[] = "ARGP_HELP_FMT=rmargin=95,opt-doc-col=30,no-dup-args-note";
    struct argp_option options[SPECS_MAX];
    struct buf texts[SPECS_MAX];
    struct argp argp = {
        .options = options, .parser = parse_key, .args_doc = info->operands, .doc = info->summary};
    struct reading reading = {
        .info = info, .specs = specs, .config = config, .operands = ret_operands, .err = err};

    *ret_operands = (struct operands){0};
    (void)putenv(argp_format);
    for (size_t i = 0; i < SPECS_MAX; i++)
        buf_init(&texts[i], HELP_MAX);
    enum options_outcome outcome = OPTIONS_BAD;
    if (build_argp(info, specs, options, texts, err))
        outcome = read_all(&reading, &argp, argc, argv);
    for (size_t i = 0; i < SPECS_MAX; i++)
        buf_release(&texts[i]);
    return outcome;
}

enum log_format options_log_format(const char *env_prefix, int argc, char *const *argv)
{
    static const struct option_spec spec = {.name = "log-format", .choices = "auto|text|json"};
    const struct program_info info = {.env_prefix = env_prefix};
    const size_t len = strlen("--log-format");
    char name[ENV_NAME_MAX];
    struct err ignored;
    int format = LOG_AUTO;

    env_name(&info, &spec, name);
    const char *text = getenv(name);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--log-format", len) != 0)
            continue;
        if (argv[i][len] == '=')
            text = argv[i] + len + 1;
        else if (argv[i][len] == '\0' && i + 1 < argc)
            text = argv[++i];
    }
    if (text != NULL)
        (void)option_choice(&format, text, &spec, &ignored);
    return (enum log_format)format;
}
