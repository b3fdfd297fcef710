#include "job_service/form/stages.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/num.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

static size_t name_length(const char *text)
{
    return strspn(text, DIGITS) > 0 ? 0 : strspn(text, LETTERS DIGITS "_");
}

/* Arguments. */

static const char *argument_value(const struct stages *stages, const char *name, size_t len)
{
    for (size_t i = stages->argument_count; i-- > 0;)
        if (strlen(stages->arguments[i].name) == len &&
            memcmp(stages->arguments[i].name, name, len) == 0)
            return stages->arguments[i].value;
    return "";
}

/* A word without its quotes, and with values instead of variables. */
struct expansion {
    const struct stages *stages;
    char text[WORD_TEXT_MAX + 1];
    size_t len;
    bool too_long, open; /* open: within quotes at the end */
};

static void put(struct expansion *out, const char *bytes, size_t len)
{
    if (len > WORD_TEXT_MAX - out->len) {
        out->too_long = true;
        return;
    }
    memcpy(out->text + out->len, bytes, len);
    out->len += len;
}

static bool expand_until(struct expansion *out, const char **p, char stop);

/* ${NAME}, ${NAME:-WORD} and ${NAME:+WORD}, from past the brace on; false: another form. */
static bool expand_braces(struct expansion *out, const char **p)
{
    size_t name = name_length(*p), start = out->len;
    const char *value = argument_value(out->stages, *p, name);

    *p += name;
    if (name == 0 || (**p != '}' && strncmp(*p, ":-", 2) != 0 && strncmp(*p, ":+", 2) != 0))
        return false;
    bool wants_word = **p == ':' && (value[0] == '\0') == ((*p)[1] == '-');
    bool wants_value = **p == '}' || (*p)[1] == '-';
    *p += **p == ':' ? 2 : 0;
    if (!expand_until(out, p, '}'))
        return false;
    if (!wants_word)
        out->len = start;
    if (!wants_word && wants_value)
        put(out, value, strlen(value));
    return true;
}

/* The variable at *p. A dollar that no name follows is one. */
static bool expand_variable(struct expansion *out, const char **p)
{
    const char *name = ++*p;

    if (*name == '{') {
        ++*p;
        return expand_braces(out, p);
    }
    size_t len = name_length(name);
    const char *value = len > 0 ? argument_value(out->stages, name, len) : "$";
    *p += len;
    put(out, value, strlen(value));
    return true;
}

/* Up to past the byte stop outside of quotes; false: it does not come, or a variable is wrong. */
static bool expand_until(struct expansion *out, const char **p, char stop)
{
    char quote = '\0';

    for (; **p != '\0' && (quote != '\0' || **p != stop);) {
        if (**p == quote || (quote == '\0' && (**p == '"' || **p == '\''))) {
            quote = **p == quote ? '\0' : **p;
            ++*p;
        } else if (**p == '$' && quote != '\'') {
            if (!expand_variable(out, p))
                return false;
        } else {
            *p += **p == '\\' && quote != '\'' && (*p)[1] != '\0';
            put(out, (*p)++, 1);
        }
    }
    out->open |= quote != '\0';
    if (quote != '\0' || **p != stop)
        return false;
    *p += stop != '\0';
    return true;
}

static bool expand_word(struct expansion *out, const struct word *word, struct err *err)
{
    const char *p = word->text;
    bool done = word->cut || expand_until(out, &p, '\0');

    if (word->open || out->open)
        return word_wrong(word, err, "a quote is not closed");
    return done || word_wrong(word, err,
                              "the builder knows variables as $NAME, ${NAME}, ${NAME:-WORD} and "
                              "${NAME:+WORD}, not as in '%.200s'",
                              word->text);
}

bool stages_check_word(const struct stages *stages, const struct word *word, struct err *err)
{
    struct expansion out = {.stages = stages};

    return expand_word(&out, word, err);
}

static bool expand(const struct stages *stages, struct word *word, struct err *err)
{
    struct expansion out = {.stages = stages};

    if (!expand_word(&out, word, err))
        return false;
    if (word->cut || out.too_long)
        return word_wrong(word, err, "a word of more than %d bytes: shorten it", WORD_TEXT_MAX);
    memcpy(word->text, out.text, out.len);
    word->text[out.len] = '\0';
    return true;
}

static bool keep_argument(struct stages *stages, struct word *word, size_t name, struct err *err)
{
    struct argument *argument = &stages->arguments[stages->argument_count];

    if (stages->argument_count == ARGUMENTS_MAX)
        return word_wrong(word, err, "more than %d arguments before the first FROM", ARGUMENTS_MAX);
    memcpy(argument->name, word->text, name);
    argument->name[name] = '\0';
    if (!expand(stages, word, err))
        return false;
    const char *value = strchr(word->text, '=');
    if (value == NULL)
        return true; /* its value is nothing, or what an earlier one said */
    (void)snprintf(argument->value, sizeof argument->value, "%s", value + 1);
    stages->argument_count++;
    return true;
}

bool stages_take_arguments(struct stages *stages, struct cursor *at, struct err *err)
{
    struct word word;

    for (word_next_quoted(at, &word); word.text[0] != '\0'; word_next_quoted(at, &word)) {
        size_t name = name_length(word.text);
        if (name == 0 || name > STAGE_NAME_MAX ||
            (word.text[name] != '\0' && word.text[name] != '='))
            return word_wrong(&word, err, "ARG wants NAME or NAME=VALUE, not '%.80s'", word.text);
        if (stages->count == 0 ? !keep_argument(stages, &word, name, err)
                               : !stages_check_word(stages, &word, err))
            return false;
    }
    return true;
}

/* Bases. */

static const char *short_name(const char *image)
{
    static const char *const prefixes[] = {"docker.io/library/", "docker.io/", "library/"};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(image, prefixes[i], strlen(prefixes[i])) == 0)
            return image + strlen(prefixes[i]);
    return image;
}

/* Where the tag of the first len bytes begins, at its colon; len: there is none. */
static size_t tag_start(const char *image, size_t len)
{
    for (size_t i = len; i-- > 0 && image[i] != '/';)
        if (image[i] == ':')
            return i;
    return len;
}

/* A base without a tag stands for all; an image without one is "latest". */
static bool is_base(const struct stages *stages, const char *image)
{
    static const char latest[] = ":latest";

    image = short_name(image);
    size_t len = strcspn(image, "@"), name = tag_start(image, len);
    const char *tag = name == len ? latest : image + name;
    size_t tag_len = name == len ? sizeof latest - 1 : len - name;
    for (size_t i = 0; i < stages->rules->base_count; i++) {
        const char *base = short_name(stages->rules->bases[i]);
        size_t base_len = strlen(base), base_name = tag_start(base, base_len);
        if (base_name == name && memcmp(base, image, name) == 0 &&
            (base_name == base_len ||
             (base_len - base_name == tag_len && memcmp(base + base_name, tag, tag_len) == 0)))
            return true;
    }
    return false;
}

enum found { FOUND, FOUND_OTHERWISE_WRITTEN, FOUND_NONE };

/* The builder tells names by their case, though Docker does not. */
static enum found find_stage(const struct stages *stages, const char *name, size_t before,
                             const char **ret_written)
{
    enum found found = FOUND_NONE;

    for (size_t i = 0; i < before; i++) {
        if (stages->names[i][0] == '\0' || strcasecmp(stages->names[i], name) != 0)
            continue;
        *ret_written = stages->names[i];
        if (strcmp(stages->names[i], name) == 0)
            return FOUND;
        found = FOUND_OTHERWISE_WRITTEN;
    }
    return found;
}

static bool otherwise_written(const struct word *word, const char *written, struct err *err)
{
    return word_wrong(word, err, "the stage is called '%s': write it the same way", written);
}

static void list_bases(const struct stages *stages, char *out, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < stages->rules->base_count && len < size; i++) {
        int more = snprintf(out + len, size - len, ", %s", stages->rules->bases[i]);
        len += more < 0 ? size : (size_t)more;
    }
}

static bool check_base(const struct stages *stages, struct word *image, struct err *err)
{
    const struct word written = *image;
    char list[512] = "";
    const char *stage;

    if (image->text[0] == '\0')
        return word_wrong(image, err, "FROM wants an image, such as debian:12");
    if (!expand(stages, image, err))
        return false;
    if (image->text[0] == '\0')
        return word_wrong(image, err, "'%.80s' is empty here: give it a value by ARG before FROM",
                          written.text);
    switch (find_stage(stages, image->text, stages->count, &stage)) {
    case FOUND:
        return true;
    case FOUND_OTHERWISE_WRITTEN:
        return otherwise_written(image, stage, err);
    case FOUND_NONE:
        break;
    }
    if (strcmp(image->text, "scratch") == 0 || is_base(stages, image->text))
        return true;
    list_bases(stages, list, sizeof list);
    return word_wrong(image, err, "the base '%.200s' is not allowed here; take one of: scratch%s",
                      image->text, list);
}

/* Stages. */

/* `AS NAME`, or nothing. */
static bool take_name(struct stages *stages, struct cursor *at, char *ret, struct err *err)
{
    struct word word;
    const char *stage;

    word_next(at, &word);
    if (word.text[0] == '\0')
        return true;
    if (strcasecmp(word.text, "as") != 0)
        return word_wrong(&word, err, "AS NAME or nothing follows the image, not '%.80s'",
                          word.text);
    word_next(at, &word);
    size_t len = strlen(word.text);
    if (len > STAGE_NAME_MAX || strspn(word.text, LETTERS) == 0 ||
        strspn(word.text, LETTERS DIGITS "-_.") != len)
        return word_wrong(&word, err,
                          "a stage's name begins with a letter and has letters, digits and - _ ., "
                          "at most %d",
                          STAGE_NAME_MAX);
    if (strcasecmp(word.text, "scratch") == 0)
        return word_wrong(&word, err, "a stage cannot be called scratch, which is an empty image");
    if (find_stage(stages, word.text, stages->count, &stage) != FOUND_NONE)
        return word_wrong(&word, err, "there is a stage '%s' already", stage);
    memcpy(ret, word.text, len + 1);
    word_next(at, &word);
    return word.text[0] == '\0' ||
           word_wrong(&word, err, "nothing follows the stage's name, but '%.80s' does", word.text);
}

bool stages_take_from(struct stages *stages, struct cursor *at, struct err *err)
{
    static const char platform[] = "--platform=";
    struct word word;

    while (word_next_option(at, &word)) {
        const char *value = word.text + sizeof platform - 1;
        if (strncmp(word.text, platform, sizeof platform - 1) != 0)
            return word_wrong(&word, err, "FROM has no option '%.80s', only --platform", word.text);
        if (strcmp(value, "linux/amd64") != 0 && value[0] != '$')
            return word_wrong(&word, err, "nothing is built for '%.80s' here, only for linux/amd64",
                              value);
    }
    word_next(at, &word);
    if (stages->count == DOCKERFILE_STAGES)
        return word_wrong(&word, err, "more than %d stages", DOCKERFILE_STAGES);
    char *name = stages->names[stages->count];
    name[0] = '\0';
    if (!check_base(stages, &word, err) || !take_name(stages, at, name, err))
        return false;
    stages->count++;
    return true;
}

bool stages_check_source(const struct stages *stages, const struct word *word, const char *name,
                         struct err *err)
{
    size_t earlier = stages->count - 1;
    const char *stage;
    uint64_t number;

    if (num_u64(name, &number) && number < earlier)
        return true;
    switch (find_stage(stages, name, earlier, &stage)) {
    case FOUND:
        return true;
    case FOUND_OTHERWISE_WRITTEN:
        return otherwise_written(word, stage, err);
    case FOUND_NONE:
        break;
    }
    return is_base(stages, name) ||
           word_wrong(word, err, "'%.200s' is neither an earlier stage nor an allowed base", name);
}
