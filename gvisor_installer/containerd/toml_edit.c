#include "gvisor_installer/containerd/toml_edit.h"

#include <string.h>

static const char *const imports_path[] = {"imports", NULL};
static const char *const version_path[] = {"version", NULL};

#define MARK  " # gvisor_installer\n"
#define BEGIN "# BEGIN gvisor_installer\n"
#define END   "# END gvisor_installer\n"

/* The byte at which a character stands; len when it is past the end. */
static size_t offset_of(const char *text, size_t len, uint32_t line, uint32_t column)
{
    size_t at = 0;

    for (uint32_t i = 1; i < line; i++) {
        const char *end = memchr(text + at, '\n', len - at);
        if (end == NULL)
            return len;
        at = (size_t)(end - text) + 1;
    }
    for (uint32_t i = 1; i < column && at < len; i++) {
        at++;
        while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

static void splice(const char *text, size_t len, size_t from, size_t to, const char *middle,
                   struct buf *out)
{
    buf_add(out, text, from);
    buf_add_text(out, middle);
    buf_add(out, text + to, len - to);
}

/* After the line of `version`, or above all else, as tables come last; at a file's end where it
 * holds nothing but comments. */
static void add_line(const struct containerd_config *config, const char *text, size_t len,
                     const char *line, struct buf *out)
{
    struct toml_place place;
    const bool empty = toml_doc_key(config->doc, (const char *const[]){NULL}, 0) == NULL;
    size_t at = empty ? len : 0;

    if (toml_doc_place(config->doc, version_path, &place)) {
        at = offset_of(text, len, place.end_line, place.end_column);
        const char *end = memchr(text + at, '\n', len - at);
        at = end == NULL ? len : (size_t)(end - text) + 1;
    }
    buf_add(out, text, at);
    if (at > 0 && text[at - 1] != '\n')
        buf_add_text(out, "\n");
    buf_add_text(out, line);
    buf_add(out, text + at, len - at);
}

bool edit_add_import(const struct containerd_config *config, const char *text, size_t len,
                     const char *path, struct buf *out, struct err *err)
{
    OWNED_BUF(inserted, CONFIG_PATH_MAX * 8);
    struct toml_place place;
    size_t count;

    if (!toml_doc_has(config->doc, imports_path)) {
        buf_add_text(&inserted, "imports = [");
        buf_add_json(&inserted, path, strlen(path));
        buf_add_text(&inserted, "]" MARK);
        add_line(config, text, len, inserted.data, out);
        return buf_ok(&inserted, err);
    }
    if (!toml_doc_texts(config->doc, imports_path, &count) ||
        !toml_doc_place(config->doc, imports_path, &place))
        return err_set(err, STATUS_INPUT, "%s: imports is not a list of texts", config->path);
    size_t at = offset_of(text, len, place.line, place.column);
    if (at >= len || text[at] != '[')
        return err_set(err, STATUS_BUG, "%s:%u:%u: no list stands there", config->path, place.line,
                       place.column);
    /* In front, where neither a comma nor a comment can be in the way. */
    buf_add_json(&inserted, path, strlen(path));
    buf_add_text(&inserted, count > 0 ? ", " : "");
    splice(text, len, at + 1, at + 1, inserted.data, out);
    return buf_ok(&inserted, err);
}

static size_t line_start(const char *text, size_t at)
{
    while (at > 0 && text[at - 1] != '\n')
        at--;
    return at;
}

void edit_drop_import(const struct containerd_config *config, const char *text, size_t len,
                      const char *path, struct buf *out)
{
    struct toml_place place;
    size_t count = 0, index = 0;

    (void)toml_doc_texts(config->doc, imports_path, &count);
    while (index < count &&
           strcmp(toml_doc_item(config->doc, imports_path, index, &place), path) != 0)
        index++;
    if (index == count) {
        buf_add(out, text, len);
        return;
    }

    size_t from = offset_of(text, len, place.line, place.column);
    size_t to = offset_of(text, len, place.end_line, place.end_column);
    const char *line_end = memchr(text + to, '\n', len - to);
    size_t end = line_end == NULL ? len : (size_t)(line_end - text) + 1;
    if (count == 1 && end - to == strlen("]" MARK) && memcmp(text + to, "]" MARK, end - to) == 0) {
        splice(text, len, line_start(text, from), end, "", out);
        return;
    }
    size_t comma = to;
    while (comma < len && (text[comma] == ' ' || text[comma] == '\t'))
        comma++;
    if (comma < len && text[comma] == ',') {
        to = comma + 1;
        to += to < len && text[to] == ' '; /* as it was put in: what else follows is theirs */
    }
    splice(text, len, from, to, "", out);
}

void edit_add_tables(const char *text, size_t len, const char *tables, struct buf *out)
{
    buf_add(out, text, len);
    if (len > 0 && text[len - 1] != '\n')
        buf_add_text(out, "\n");
    buf_printf(out, BEGIN "%s" END, tables);
}

/* A line of its own; len when there is none from at on. */
static size_t find_line(const char *text, size_t len, size_t at, const char *line)
{
    const size_t line_len = strlen(line);

    for (; at < len; at++) {
        const char *found = memmem(text + at, len - at, line, line_len);
        if (found == NULL)
            return len;
        at = (size_t)(found - text);
        if (at == 0 || text[at - 1] == '\n')
            return at;
    }
    return len;
}

bool edit_drop_tables(const char *text, size_t len, struct buf *out, bool *ret_found,
                      struct err *err)
{
    const size_t begin = find_line(text, len, 0, BEGIN);
    const size_t end = find_line(text, len, 0, END);

    *ret_found = begin < len;
    if (begin == len && end == len) {
        buf_add(out, text, len);
        return true;
    }
    if (begin == len || end == len || end < begin || find_line(text, len, begin + 1, BEGIN) < len ||
        find_line(text, len, end + 1, END) < len)
        return err_set(err, STATUS_INPUT,
                       "the comments '%.*s' and '%.*s' do not pair: take out by hand what stands "
                       "between them, and them",
                       (int)sizeof BEGIN - 2, BEGIN, (int)sizeof END - 2, END);
    splice(text, len, begin, end + strlen(END), "", out);
    return true;
}

/* The place is one of whole lines: a table's header, or one key whose value is in braces. */
static bool is_alone(const char *text, size_t len, size_t from, size_t to, const char *runtime)
{
    const size_t start = line_start(text, from);
    const size_t name = strlen(runtime);
    size_t at = start + strspn(text + start, " \t");

    if (text[from] == '[' ? at != from : text[from] != '{')
        return false;
    if (text[from] == '{') {
        const bool quoted = text[at] == '"' || text[at] == '\'';
        at += quoted;
        if (from - at < name || memcmp(text + at, runtime, name) != 0)
            return false;
        at += name + quoted;
        at += strspn(text + at, " \t");
        if (text[at] != '=' || at + 1 + strspn(text + at + 1, " \t") != from)
            return false;
    }
    to += strspn(text + to, " \t\r");
    return to >= len || text[to] == '\n' || text[to] == '#';
}

static bool is_blank(const char *text, size_t len, size_t at)
{
    at += strspn(text + at, " \t\r");
    return at >= len || text[at] == '\n';
}

/* One block, with its lines; of two blank lines that meet there one stays. text is terminated. */
static bool drop_block(const struct containerd_config *config, const char *text, size_t len,
                       const char *const path[], const char *runtime, struct buf *out,
                       struct err *err)
{
    struct toml_place place;

    if (!toml_doc_block(config->doc, path, &place))
        return err_set(err, STATUS_REFUSED, "%s: the runtime '%s' is not a table", config->path,
                       runtime);
    size_t from = offset_of(text, len, place.line, place.column);
    size_t to = offset_of(text, len, place.end_line, place.end_column);
    if (from >= len || !is_alone(text, len, from, to, runtime))
        return err_set(err, STATUS_REFUSED,
                       "%s:%u: the runtime '%s' is gVisor's, and its lines hold other things too: "
                       "take it out by hand",
                       config->path, place.line, runtime);
    from = line_start(text, from);
    const char *end = memchr(text + to, '\n', len - to);
    to = end == NULL ? len : (size_t)(end - text) + 1;
    if (from > 0 && is_blank(text, len, line_start(text, from - 1)) && is_blank(text, len, to)) {
        end = memchr(text + to, '\n', len - to);
        if (end == NULL)
            from = line_start(text, from - 1);
        else
            to = (size_t)(end - text) + 1;
    }
    splice(text, len, from, to, "", out);
    return true;
}

bool edit_drop_runtime(const char *path, const char *text, size_t len, int64_t names,
                       const char *runtime, struct buf *out, struct err *err)
{
    const struct runtime_path key = containerd_runtime_path(names, runtime);
    OWNED_BUF(now, CONFIG_SIZE_MAX * 2);

    buf_add(out, text, len);
    for (bool there = true; there;) {
        struct containerd_config config;
        buf_clear(&now);
        buf_add(&now, out->data, out->len);
        if (!buf_ok(out, err) || !buf_ok(&now, err) ||
            !containerd_config_read(&config, path, now.data, now.len, err))
            return false;
        bool done = true;
        there = toml_doc_has(config.doc, key.key);
        if (there) {
            buf_clear(out);
            done = drop_block(&config, now.data, now.len, key.key, runtime, out, err);
        }
        containerd_config_free(&config);
        if (!done)
            return false;
    }
    return true;
}
