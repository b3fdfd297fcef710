#include "job_service/form/kinds.h"

#include <cjson/cJSON.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "job_service/form/strict_json.h"

enum { PATTERN_MAX = 256, BASES_MAX = 64, VALUES_MAX = 16384 };

struct parameter {
    char *name, *fallback;
    regex_t pattern;
    bool compiled;
};

struct kind {
    char *name;
    char *template, *result; /* result: NULL where the run's record tells the number */
    bool file;
    struct parameter *parameters; /* sorted by name */
    size_t parameter_count;
    char **bases;
    struct dockerfile_rules rules;
};

struct kinds {
    struct kind *list;
    size_t count;
};

static const char built_in[] = "{\"pipeline\": {\"result\": \"total\", \"parameters\": {"
                               "\"events\": {\"pattern\": \"[0-9]{1,9}\", \"default\": \"1500\"},"
                               "\"users\": {\"pattern\": \"[0-9]{1,9}\", \"default\": \"10\"},"
                               "\"products\": {\"pattern\": \"[0-9]{1,9}\", \"default\": \"5\"}}},"
                               "\"dockerfile\": {\"file\": true, \"bases\": [\"debian:12\"]}}";

static bool wrong(struct err *err, const char *kind, const char *what)
{
    return err_set(err, STATUS_USAGE, "kinds: '%.80s' %s", kind, what);
}

static bool is_name(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 0 && len <= 63 && text[len] == '\0';
}

static bool out_of_memory(struct err *err)
{
    return err_set(err, STATUS_TRANSIENT, "out of memory");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct parameter *)a)->name, ((const struct parameter *)b)->name);
}

static bool read_parameter(struct parameter *parameter, const struct cJSON *item, struct err *err)
{
    const struct cJSON *pattern = cJSON_GetObjectItemCaseSensitive(item, "pattern");
    const struct cJSON *fallback = cJSON_GetObjectItemCaseSensitive(item, "default");
    char anchored[PATTERN_MAX + 5];

    if (!is_name(item->string) || !cJSON_IsString(pattern) || !cJSON_IsString(fallback) ||
        strlen(pattern->valuestring) > PATTERN_MAX || cJSON_GetArraySize(item) != 2)
        return wrong(err, item->string,
                     "wants {\"pattern\": REGEX, \"default\": TEXT} as a parameter");
    (void)snprintf(anchored, sizeof anchored, "^(%s)$", pattern->valuestring);
    parameter->name = strdup(item->string);
    parameter->fallback = strdup(fallback->valuestring);
    if (parameter->name == NULL || parameter->fallback == NULL)
        return out_of_memory(err);
    int failure = regcomp(&parameter->pattern, anchored, REG_EXTENDED | REG_NOSUB);
    if (failure == REG_ESPACE)
        return out_of_memory(err);
    if (failure != 0)
        return wrong(err, item->string, "has a pattern that is not a regular expression");
    parameter->compiled = true;
    failure = regexec(&parameter->pattern, parameter->fallback, 0, NULL, 0);
    if (failure == REG_ESPACE)
        return out_of_memory(err);
    return failure == 0 || wrong(err, item->string, "has a default that its pattern does not take");
}

static bool read_parameters(struct kind *kind, const struct cJSON *object, struct err *err)
{
    const struct cJSON *item;
    int count = cJSON_GetArraySize(object);

    if (object == NULL)
        return true;
    if (!cJSON_IsObject(object) || count > KIND_PARAMETERS_MAX)
        return wrong(err, kind->name, "has parameters that are not an object of at most 64");
    kind->parameters = calloc((size_t)count + 1, sizeof *kind->parameters);
    if (kind->parameters == NULL)
        return out_of_memory(err);
    cJSON_ArrayForEach(item, object)
    {
        if (!read_parameter(&kind->parameters[kind->parameter_count++], item, err))
            return false;
    }
    qsort(kind->parameters, kind->parameter_count, sizeof *kind->parameters, by_name);
    for (size_t i = 1; i < kind->parameter_count; i++)
        if (strcmp(kind->parameters[i - 1].name, kind->parameters[i].name) == 0)
            return wrong(err, kind->name, "has a parameter twice");
    return true;
}

static bool read_bases(struct kind *kind, const struct cJSON *list, struct err *err)
{
    const struct cJSON *item;
    int count = cJSON_GetArraySize(list);

    if (list == NULL)
        return true;
    if (!cJSON_IsArray(list) || count > BASES_MAX)
        return wrong(err, kind->name, "has bases that are not a list of at most 64");
    kind->bases = calloc((size_t)count + 1, sizeof *kind->bases);
    if (kind->bases == NULL)
        return out_of_memory(err);
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
            return wrong(err, kind->name, "has a base that is not a text");
        kind->bases[kind->rules.base_count] = strdup(item->valuestring);
        if (kind->bases[kind->rules.base_count] == NULL)
            return out_of_memory(err);
        kind->rules.base_count++;
    }
    kind->rules.bases = (const char *const *)kind->bases;
    return true;
}

/* A name as Kubernetes and Argo have them; fallback NULL: none where it is missing. */
static bool read_name(const struct kind *kind, const struct cJSON *item, const char *member,
                      const char *fallback, char **ret, struct err *err)
{
    const struct cJSON *name = cJSON_GetObjectItemCaseSensitive(item, member);

    if (name == NULL && fallback == NULL)
        return true;
    if (name != NULL && (!cJSON_IsString(name) || !is_name(name->valuestring)))
        return wrong(err, kind->name,
                     "has a template or result that is not a name: small letters, digits, dashes");
    *ret = strdup(name == NULL ? fallback : name->valuestring);
    return *ret != NULL || out_of_memory(err);
}

static bool is_member(const char *name)
{
    static const char *const members[] = {"bases", "file", "parameters", "result", "template"};

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(name, members[i]) == 0)
            return true;
    return false;
}

static bool read_kind(struct kind *kind, const struct cJSON *item, struct err *err)
{
    const struct cJSON *file = cJSON_GetObjectItemCaseSensitive(item, "file");
    const struct cJSON *member;

    kind->name = strdup(item->string);
    if (kind->name == NULL)
        return out_of_memory(err);
    if (!is_name(kind->name) || !cJSON_IsObject(item))
        return wrong(err, kind->name,
                     "is no kind: its name has small letters, digits and dashes, and it is an "
                     "object");
    cJSON_ArrayForEach(member, item)
    {
        if (!is_member(member->string))
            return wrong(err, kind->name,
                         "has a member other than template, result, file, bases and parameters");
        if (cJSON_GetObjectItemCaseSensitive(item, member->string) != member)
            return wrong(err, kind->name, "has a member twice");
    }
    if (file != NULL && !cJSON_IsBool(file))
        return wrong(err, kind->name, "has a file that is neither true nor false");
    kind->file = cJSON_IsTrue(file);
    return read_name(kind, item, "template", kind->name, &kind->template, err) &&
           read_name(kind, item, "result", NULL, &kind->result, err) &&
           read_parameters(kind, cJSON_GetObjectItemCaseSensitive(item, "parameters"), err) &&
           read_bases(kind, cJSON_GetObjectItemCaseSensitive(item, "bases"), err);
}

static bool read_all(struct kinds *kinds, const struct cJSON *root, struct err *err)
{
    const struct cJSON *item;
    int count = cJSON_GetArraySize(root);

    if (!cJSON_IsObject(root) || count == 0 || count > KINDS_MAX)
        return err_set(err, STATUS_USAGE, "kinds: not a JSON object of 1 to %d kinds", KINDS_MAX);
    kinds->list = calloc((size_t)count, sizeof *kinds->list);
    if (kinds->list == NULL)
        return out_of_memory(err);
    cJSON_ArrayForEach(item, root)
    {
        if (kinds_find(kinds, item->string) != NULL)
            return wrong(err, item->string, "is listed twice");
        if (!read_kind(&kinds->list[kinds->count++], item, err))
            return false;
    }
    return true;
}

bool kinds_read(const char *text, size_t len, struct kinds **ret, struct err *err)
{
    struct cJSON *root;

    if (text == NULL) {
        text = built_in;
        len = sizeof built_in - 1;
    }
    if (!strict_json_read(text, len, VALUES_MAX, &root, err)) {
        if (err->status == STATUS_INPUT)
            err->status = STATUS_USAGE;
        return err_prefix(err, "kinds");
    }
    struct kinds *kinds = calloc(1, sizeof *kinds);
    bool done = kinds == NULL ? out_of_memory(err) : read_all(kinds, root, err);
    cJSON_Delete(root);
    if (!done) {
        kinds_free(kinds);
        return false;
    }
    *ret = kinds;
    return true;
}

void kinds_free(struct kinds *kinds)
{
    if (kinds == NULL)
        return;
    for (size_t i = 0; i < kinds->count; i++) {
        struct kind *kind = &kinds->list[i];
        for (size_t k = 0; k < kind->parameter_count; k++) {
            free(kind->parameters[k].name);
            free(kind->parameters[k].fallback);
            if (kind->parameters[k].compiled)
                regfree(&kind->parameters[k].pattern);
        }
        for (size_t k = 0; k < kind->rules.base_count; k++)
            free(kind->bases[k]);
        free(kind->bases);
        free(kind->parameters);
        free(kind->template);
        free(kind->result);
        free(kind->name);
    }
    free(kinds->list);
    free(kinds);
}

const struct kind *kinds_find(const struct kinds *kinds, const char *name)
{
    for (size_t i = 0; i < kinds->count; i++)
        if (strcmp(kinds->list[i].name, name) == 0)
            return &kinds->list[i];
    return NULL;
}

const char *kind_name(const struct kind *kind)
{
    return kind->name;
}

const char *kind_template(const struct kind *kind)
{
    return kind->template;
}

const char *kind_result(const struct kind *kind)
{
    return kind->result;
}

bool kind_takes_file(const struct kind *kind)
{
    return kind->file;
}

const struct dockerfile_rules *kind_bases(const struct kind *kind)
{
    return &kind->rules;
}

static const struct parameter *find_parameter(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->parameter_count; i++)
        if (strcmp(kind->parameters[i].name, name) == 0)
            return &kind->parameters[i];
    return NULL;
}

static bool check_wanted(const struct kind *kind, const struct cJSON *wanted, struct err *err)
{
    const struct cJSON *item;
    char shown[80];

    if (wanted != NULL && !cJSON_IsObject(wanted))
        return err_set(err, STATUS_INPUT, "parameters must be an object of texts");
    cJSON_ArrayForEach(item, wanted)
    {
        const struct parameter *parameter = find_parameter(kind, item->string);
        (void)err_quote(shown, sizeof shown, item->string, strlen(item->string));
        if (parameter == NULL)
            return err_set(err, STATUS_INPUT, "kind '%s' has no parameter '%s'", kind->name, shown);
        if (cJSON_GetObjectItemCaseSensitive(wanted, item->string) != item)
            return err_set(err, STATUS_INPUT, "parameter '%s' is given twice", shown);
        size_t len = cJSON_IsString(item) ? strlen(item->valuestring) : SIZE_MAX;
        bool is_text = len <= KIND_VALUE_MAX && utf8_is_text(item->valuestring, len);
        int failure =
            is_text ? regexec(&parameter->pattern, item->valuestring, 0, NULL, 0) : REG_NOMATCH;
        if (failure == REG_ESPACE)
            return out_of_memory(err);
        if (failure != 0)
            return err_set(err, STATUS_INPUT,
                           "parameter '%s' must be a text that its pattern takes, such as \"%s\"",
                           shown, parameter->fallback);
    }
    return true;
}

bool kind_parameters(const struct kind *kind, const struct cJSON *wanted, struct buf *out,
                     struct err *err)
{
    if (!check_wanted(kind, wanted, err))
        return false;
    buf_add_text(out, "{");
    for (size_t i = 0; i < kind->parameter_count; i++) {
        const struct parameter *parameter = &kind->parameters[i];
        const struct cJSON *item = cJSON_GetObjectItemCaseSensitive(wanted, parameter->name);
        const char *value = item == NULL ? parameter->fallback : item->valuestring;
        buf_printf(out, "%s\"%s\": ", i == 0 ? "" : ", ", parameter->name);
        buf_add_json(out, value, strlen(value));
    }
    buf_add_text(out, "}");
    return buf_ok(out, err);
}
