#include "job_service/form/dockerfile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"
#include "job_service/form/stages.h"
#include "job_service/form/words.h"

/* The builder silently forgets what comes after a longer line. */
enum { LINE_MAX_BYTES = 65535, HERE_LOOK = 24 };

struct look {
    struct cursor at;
    struct stages stages;
    struct err *err;
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool wrong_here(struct look *look, const char *what)
{
    const struct word here = {.line = look->at.line, .column = look->at.column};

    return word_wrong(&here, look->err, "%s", what);
}

/* Instructions of a stage. What precedes them, and their names, are past. */

static bool take_from(struct look *look)
{
    return stages_take_from(&look->stages, &look->at, look->err);
}

static bool take_arguments(struct look *look)
{
    return stages_take_arguments(&look->stages, &look->at, look->err);
}

static const char no_here_documents[] =
    "the builder does not know here-documents: write the lines with RUN printf 'LINE\\n' > FILE";

static bool take_files(struct look *look, bool is_copy)
{
    static const char from[] = "--from=";
    const char *name = is_copy ? "COPY" : "ADD";
    struct word word, next;
    bool has_source = false;

    while (word_next_option(&look->at, &word)) {
        if (is_copy && starts_with(word.text, from)) {
            if (!stages_check_source(&look->stages, &word, word.text + sizeof from - 1, look->err))
                return false;
            has_source = true;
        } else if (!starts_with(word.text, "--chown=") && !starts_with(word.text, "--chmod=")) {
            return word_wrong(&word, look->err, "the builder does not know %s with '%.200s'", name,
                              word.text);
        }
    }
    word_next(&look->at, &word);
    word_next(&look->at, &next);
    if (starts_with(word.text, "<<"))
        return word_wrong(&word, look->err, "%s", no_here_documents);
    if (word.text[0] == '\0' || (next.text[0] == '\0' && word.text[0] != '['))
        return word_wrong(&word, look->err, "%s wants a source and a destination", name);
    if (strstr(word.text, "://") != NULL)
        return word_wrong(&word, look->err,
                          "a build reaches no network: '%.200s' cannot be fetched", word.text);
    return has_source || word_wrong(&word, look->err,
                                    "a job is one Dockerfile, there is nothing to take '%.200s' "
                                    "from: make it with RUN, or COPY --from=STAGE",
                                    word.text);
}

static bool take_copy(struct look *look)
{
    return take_files(look, true);
}

static bool take_add(struct look *look)
{
    return take_files(look, false);
}

static bool check_mount(struct look *look, const struct word *word)
{
    char name[WORD_TEXT_MAX + 1];
    const char *from = strstr(word->text, "from=");

    if (strstr(word->text, "type=secret") != NULL || strstr(word->text, "type=ssh") != NULL)
        return word_wrong(word, look->err, "a build has no secrets and no ssh to mount");
    if (from == NULL || (from[-1] != '=' && from[-1] != ','))
        return true;
    size_t len = strcspn(from + 5, ",");
    memcpy(name, from + 5, len);
    name[len] = '\0';
    return stages_check_source(&look->stages, word, name, look->err);
}

/*
 * Whether a here-document begins at the word there: digits, `<<`, perhaps `-`, and its delimiter.
 * It looks at a few bytes only, since it is asked at each word of a long line.
 */
static bool is_here_document(struct cursor at)
{
    char text[HERE_LOOK + 1];
    size_t len = 0;

    for (int byte = cursor_peek(&at); byte >= 0 && len < HERE_LOOK; byte = cursor_peek(&at)) {
        text[len++] = (char)byte;
        cursor_step(&at);
    }
    text[len] = '\0';
    const char *p = text + strspn(text, "0123456789");
    if (!starts_with(p, "<<"))
        return false;
    p += 2;
    p += *p == '-';
    p += *p == '"' || *p == '\'';
    return is_letter(*p) || *p == '_';
}

/* A shell's command line as far as it matters to `<<`, which is something else within these. */
struct shell {
    int quote;            /* the byte that opened it, or 0 */
    unsigned parentheses; /* those that are open in $((...)), or 0 */
    int before;           /* the byte before */
};

static void shell_step(struct shell *shell, struct cursor *at, int byte)
{
    if (byte == '\\' && shell->quote != '\'') {
        cursor_step(at);
        if (cursor_peek(at) < 0)
            return;
    } else if (shell->quote != 0) {
        if (byte == shell->quote)
            shell->quote = 0;
    } else if (byte == '"' || byte == '\'') {
        shell->quote = byte;
    } else if (byte == '(' && (shell->parentheses > 0 || shell->before == '(')) {
        shell->parentheses += shell->parentheses > 0 ? 1 : 2;
    } else if (byte == ')' && shell->parentheses > 0) {
        shell->parentheses--;
    }
    shell->before = byte;
    cursor_step(at);
}

static bool take_run(struct look *look)
{
    struct shell shell = {.before = ' '};
    struct word word;

    while (word_next_option(&look->at, &word)) {
        if (!starts_with(word.text, "--mount="))
            return word_wrong(&word, look->err, "the builder does not know RUN with '%.200s'",
                              word.text);
        if (!check_mount(look, &word))
            return false;
    }
    cursor_skip_blanks(&look->at);
    if (cursor_peek(&look->at) < 0)
        return wrong_here(look, "RUN wants a command");
    for (int byte = cursor_peek(&look->at); byte >= 0; byte = cursor_peek(&look->at)) {
        bool begins_word = (shell.before == ' ' || shell.before == '\t') && byte != ' ' &&
                           byte != '\t' && shell.quote == 0 && shell.parentheses == 0;
        if (begins_word && byte == '#')
            return true; /* the shell's comment, to the end */
        if (begins_word && is_here_document(look->at))
            return wrong_here(look, no_here_documents);
        shell_step(&shell, &look->at, byte);
    }
    return true;
}

/* ENV and LABEL: NAME=VALUE, as often as one likes, or NAME VALUE. */
static bool take_pairs(struct look *look)
{
    struct word word;

    word_next_quoted(&look->at, &word);
    bool one = !word.cut && strchr(word.text, '=') == NULL;
    if (one) {
        word_next_quoted(&look->at, &word);
        if (word.text[0] == '\0')
            return word_wrong(&word, look->err, "a value is missing: NAME=VALUE");
    }
    for (; word.text[0] != '\0'; word_next_quoted(&look->at, &word)) {
        if (!stages_check_word(&look->stages, &word, look->err))
            return false;
        if (!one && !word.cut && strchr(word.text, '=') == NULL)
            return word_wrong(&word, look->err,
                              "NAME=VALUE is wanted, not '%.80s'; a value with blanks goes in "
                              "quotes",
                              word.text);
    }
    return true;
}

static bool take_shell(struct look *look)
{
    return cursor_peek(&look->at) == '[' ||
           wrong_here(look, "SHELL wants a list: [\"/bin/sh\", \"-c\"]");
}

static bool take_health_check(struct look *look)
{
    static const char *const options[] = {
        "--interval=", "--timeout=", "--start-period=", "--retries="};
    struct word word;

    while (word_next_option(&look->at, &word)) {
        bool known = false;
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
            known |= starts_with(word.text, options[i]);
        if (!known)
            return word_wrong(&word, look->err,
                              "the builder does not know HEALTHCHECK with '%.200s'", word.text);
    }
    word_next(&look->at, &word);
    return strcasecmp(word.text, "CMD") == 0 || strcasecmp(word.text, "NONE") == 0 ||
           word_wrong(&word, look->err, "HEALTHCHECK wants CMD or NONE, not '%.80s'", word.text);
}

static bool take_on_build(struct look *look);

static const struct instruction {
    const char *name;
    bool (*take)(struct look *look); /* NULL: whatever follows */
    bool stands_alone;               /* it needs nothing after it */
    bool on_build;                   /* ONBUILD can hold it */
} instructions[] = {
    {"FROM", take_from, false, false},
    {"ARG", take_arguments, false, true},
    {"RUN", take_run, false, true},
    {"COPY", take_copy, false, true},
    {"ADD", take_add, false, true},
    {"ENV", take_pairs, false, true},
    {"LABEL", take_pairs, false, true},
    {"SHELL", take_shell, false, true},
    {"CMD", NULL, true, true},
    {"ENTRYPOINT", NULL, true, true},
    {"WORKDIR", NULL, false, true},
    {"USER", NULL, false, true},
    {"EXPOSE", NULL, false, true},
    {"VOLUME", NULL, false, true},
    {"STOPSIGNAL", NULL, false, true},
    {"HEALTHCHECK", take_health_check, false, true},
    {"ONBUILD", take_on_build, false, false},
    {"MAINTAINER", NULL, false, false},
};

static const struct instruction *find_instruction(const char *name)
{
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
        if (strcasecmp(name, instructions[i].name) == 0)
            return &instructions[i];
    return NULL;
}

/* What it holds is for builds on top of this one. */
static bool take_on_build(struct look *look)
{
    struct word word;

    word_next(&look->at, &word);
    const struct instruction *held = find_instruction(word.text);
    return (held != NULL && held->on_build) ||
           word_wrong(&word, look->err, "ONBUILD cannot hold '%.80s'", word.text);
}

static bool take_instruction(struct look *look)
{
    struct word name;
    char shown[80];

    word_next(&look->at, &name);
    const struct instruction *instruction = find_instruction(name.text);
    if (instruction == NULL)
        return word_wrong(
            &name, look->err, "unknown instruction '%s'; a line that goes on ends in %c",
            err_quote(shown, sizeof shown, name.text, strlen(name.text)), look->at.escape);
    if (look->stages.count == 0 && instruction->take != take_from &&
        instruction->take != take_arguments)
        return word_wrong(&name, look->err,
                          "the first instruction must be FROM (or ARG before it), not %s",
                          instruction->name);
    cursor_skip_blanks(&look->at);
    if (!instruction->stands_alone && cursor_peek(&look->at) < 0)
        return word_wrong(&name, look->err, "%s wants something after it", instruction->name);
    return instruction->take == NULL || instruction->take(look);
}

/* The file. */

struct directive {
    char name[16];
    const char *value;
    size_t value_len;
};

static const char *past_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* `# NAME = VALUE` in the line at p; false: it is none. */
static bool read_directive(const char *p, const char *end, struct directive *ret)
{
    size_t len = 0;
    const char *line_end = memchr(p, '\n', (size_t)(end - p));

    if (line_end != NULL)
        end = line_end;
    while (end > p && strchr(" \t\r", end[-1]) != NULL)
        end--;
    p = past_blanks(p, end);
    if (p == end || *p != '#')
        return false;
    for (p = past_blanks(p + 1, end); p < end && is_letter(*p) && len + 1 < sizeof ret->name; p++)
        ret->name[len++] = *p;
    ret->name[len] = '\0';
    p = past_blanks(p, end);
    if (p == end || *p != '=')
        return false;
    ret->value = past_blanks(p + 1, end);
    ret->value_len = (size_t)(end - ret->value);
    return true;
}

/* Directives stand before all else. Of them the builder knows `escape`, as the first line only. */
static bool take_directives(struct look *look)
{
    struct cursor *at = &look->at;
    struct directive directive;

    for (bool first = true; read_directive(at->p, at->end, &directive); first = false) {
        if (strcasecmp(directive.name, "escape") == 0) {
            if (!first)
                return wrong_here(look, "the builder knows # escape= as the first line only");
            if (directive.value_len != 1 || (*directive.value != '\\' && *directive.value != '`'))
                return wrong_here(look, "escape must be \\ or `");
            at->escape = *directive.value;
        } else if (strcasecmp(directive.name, "syntax") != 0 &&
                   strcasecmp(directive.name, "check") != 0) {
            break; /* a comment, and so are all that follow */
        }
        cursor_end_line(at);
    }
    return true;
}

static bool check_bytes(struct look *look, const char *bytes, size_t len)
{
    struct cursor at = {bytes, bytes + len, 1, 1, '\0'};

    while (at.p < at.end) {
        size_t left = (size_t)(at.end - at.p), width = utf8_length((const void *)at.p, left);
        unsigned char byte = (unsigned char)*at.p;
        const struct word here = {.line = at.line, .column = at.column};
        if (byte == '\r' && left > 1 && at.p[1] != '\n')
            return word_wrong(&here, look->err,
                              "a carriage return within a line: lines end in LF, or in CR LF");
        if (width == 0 || byte == 0x7f ||
            (byte < ' ' && byte != '\t' && byte != '\r' && byte != '\n'))
            return word_wrong(&here, look->err, "the byte 0x%02x is no text (UTF-8)", byte);
        if (at.column + width > LINE_MAX_BYTES + 1u && byte != '\n')
            return word_wrong(&here, look->err,
                              "a line of more than %d bytes: let it go on in "
                              "the next one",
                              LINE_MAX_BYTES);
        for (size_t i = 0; i < width; i++)
            cursor_step(&at);
    }
    return true;
}

static bool check(struct look *look, const char *bytes, size_t len)
{
    unsigned count = 0;

    look->at = (struct cursor){bytes, bytes + len, 1, 1, '\\'};
    if (!check_bytes(look, bytes, len) || !take_directives(look))
        return false;
    for (cursor_skip_idle(&look->at); look->at.p < look->at.end; cursor_skip_idle(&look->at)) {
        if (++count > DOCKERFILE_INSTRUCTIONS)
            return wrong_here(look, "more instructions than a Dockerfile may have here, which is "
                                    "1000");
        if (!take_instruction(look))
            return false;
        cursor_end_instruction(&look->at);
    }
    return look->stages.count > 0 || wrong_here(look, "there is no FROM: nothing would be built");
}

bool dockerfile_check(const char *bytes, size_t len, const struct dockerfile_rules *rules,
                      struct err *err)
{
    if (len > DOCKERFILE_MAX)
        return err_set(err, STATUS_INPUT, "Dockerfile:1:1: more than %d bytes", DOCKERFILE_MAX);
    struct look *look = calloc(1, sizeof *look);
    if (look == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    look->stages.rules = rules;
    look->err = err;
    bool byte_order_mark = len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    bool done = check(look, bytes + (byte_order_mark ? 3 : 0), len - (byte_order_mark ? 3 : 0));
    free(look);
    return done;
}
