#include "aggregator/read/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/read/input.h"
#include "aggregator/read/reader.h"
#include "aggregator/s3/client.h"
#include "common/stop.h"

/* What is kept of a file beside its name, and what is needed to compare it with the others. */
enum { FILE_COST = 96, SHOWN = 1024, ROOM_FIRST = 16, STOP_CHECK_NAMES = 256 };

struct finding {
    const struct names_request *request;
    struct names *found, *pending; /* files; directories that are yet to be read */
    struct err *err;
};

/* The list of names. */

static bool out_of_memory(struct err *err)
{
    return err_set(err, STATUS_TRANSIENT, "out of memory for the names of the input");
}

static bool grow(struct names *names)
{
    const size_t room = names->room == 0 ? ROOM_FIRST : names->room * 2;

    char **item = reallocarray(names->item, room, sizeof *item);
    if (item == NULL)
        return false;
    names->item = item;
    struct name_facts *facts = reallocarray(names->facts, room, sizeof *facts);
    if (facts == NULL)
        return false;
    names->facts = facts;
    names->room = room;
    return true;
}

/* Takes the text, also when it fails. */
static bool add(const struct finding *finding, struct names *names, char *text)
{
    const uint64_t taken = finding->found->bytes + finding->pending->bytes;

    if (text == NULL)
        return out_of_memory(finding->err);
    uint64_t cost = strlen(text) + FILE_COST;
    bool fits = taken + cost <= finding->request->limit;
    if (!fits)
        (void)err_set(finding->err, STATUS_USAGE,
                      "more than %zu files are more than --max-memory has room for; raise it, or "
                      "load them in parts",
                      finding->found->count);
    if (fits && names->count == names->room && !grow(names))
        fits = out_of_memory(finding->err);
    if (!fits) {
        free(text);
        return false;
    }
    names->facts[names->count] = (struct name_facts){0};
    names->item[names->count++] = text;
    names->bytes += cost;
    if (names->count % STOP_CHECK_NAMES == 0 && stop_requested())
        return stop_err(finding->err);
    return true;
}

void names_release(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->item[i]);
        free(names->facts[i].etag);
    }
    free(names->item);
    free(names->facts);
    *names = (struct names){0};
}

/* What a name that does not exist was probably meant for: a shell, or another program. */
static const char *meant_otherwise(const char *name)
{
    const size_t len = strlen(name);

    if (strncmp(name, "file://", 7) == 0)
        return "; write the path alone, without file://";
    if (strstr(name, "://") != NULL)
        return "; of addresses only s3://BUCKET/KEY is read: get it first, or pipe it in and name "
               "-";
    if (strstr(name, "{{") != NULL)
        return "; Argo left the {{...}} as it is: see what the template calls that parameter";
    if (name[0] == '~')
        return "; no shell replaced the ~: write the home directory out";
    if (strchr(name, '$') != NULL)
        return "; nothing replaced the $: write out what it stands for, or run a shell";
    if (strpbrk(name, "*?[{") != NULL)
        return "; no shell expanded the pattern: name the directory, which stands for its files, "
               "or give a list with --files-from";
    if (len > 0 && name[len - 1] == '\r')
        return "; the list has the line ends of Windows: remove them with tr -d '\\r'";
    return NULL;
}

static bool cannot_open(const char *name, struct err *err)
{
    const char *hint = errno == ENOENT || errno == ENOTDIR ? meant_otherwise(name) : NULL;
    char shown[SHOWN];

    if (hint == NULL)
        return reader_error(name, "open", err);
    return err_set(err, STATUS_REFUSED, "cannot open %s: %s%s",
                   err_quote(shown, sizeof shown, name, strlen(name)), strerror(errno), hint);
}

static bool add_file(const struct finding *finding, char *path)
{
    if (path != NULL && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
        (void)reader_error(path, "open", finding->err);
        free(path);
        return false;
    }
    return add(finding, finding->found, path);
}

/* Reading directories. */

static bool is_hidden(const char *entry)
{
    /* lost+found is where a file system check puts what it recovered: not events. */
    return entry[0] == '.' || strcmp(entry, "lost+found") == 0;
}

/* A file that was removed since the directory was read is left out. */
static bool add_entry(const struct finding *finding, const char *directory, int fd,
                      const char *entry)
{
    const size_t len = strlen(directory);
    struct stat st;
    char *path;

    if (fstatat(fd, entry, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ||
               err_errno(finding->err, errno, "cannot look at %s in %s", entry, directory);
    if (S_ISDIR(st.st_mode) && !finding->request->recursive) {
        finding->found->directories++;
        return true;
    }
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
        finding->found->links += S_ISLNK(st.st_mode);
        finding->found->specials += !S_ISLNK(st.st_mode);
        return true;
    }
    const char *between = len > 0 && directory[len - 1] == '/' ? "" : "/";
    if (asprintf(&path, "%s%s%s", directory, between, entry) < 0)
        return out_of_memory(finding->err);
    return S_ISDIR(st.st_mode) ? add(finding, finding->pending, path) : add_file(finding, path);
}

static bool read_directory(const struct finding *finding, const char *path)
{
    const struct dirent *entry;
    DIR *directory = opendir(path);

    if (directory == NULL)
        return reader_error(path, "read", finding->err);
    bool done = true;
    errno = 0;
    while (done && (entry = readdir(directory)) != NULL) {
        done =
            is_hidden(entry->d_name) || add_entry(finding, path, dirfd(directory), entry->d_name);
        errno = 0;
    }
    if (done && errno != 0)
        done = reader_error(path, "read", finding->err);
    (void)closedir(directory);
    return done;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool nothing_in(const struct names *before, const struct names *found, const char *path,
                       struct err *err)
{
    char shown[SHOWN];

    return err_set(err, STATUS_REFUSED, "%s has no file to read%s",
                   err_quote(shown, sizeof shown, path, strlen(path)),
                   found->directories > before->directories ? ", but directories: add --recursive"
                   : found->links > before->links
                       ? ", but symbolic links: name what they lead to"
                       : "; is it the right directory, and is its writer done?");
}

static bool add_directory(const struct finding *finding, const char *path)
{
    struct names *found = finding->found, *pending = finding->pending;
    const struct names before = *found;
    bool done = add(finding, pending, strdup(path));

    while (done && pending->count > 0) {
        char *next = pending->item[--pending->count];
        pending->bytes -= strlen(next) + FILE_COST;
        done = read_directory(finding, next);
        free(next);
    }
    if (!done)
        return false;
    if (found->count == before.count)
        return nothing_in(&before, found, path, finding->err);
    qsort(found->item + before.count, found->count - before.count, sizeof *found->item, compare);
    return true;
}

/* Listing objects. */

struct listed {
    const struct finding *finding;
    const char *name; /* the operand, up to its key */
    int bucket_len;
};

static bool add_object(void *context, const struct s3_entry *entry, struct err *err)
{
    const struct listed *listed = context;
    struct names *found = listed->finding->found;
    char *name, *etag = NULL;

    if (asprintf(&name, "%.*s%s", listed->bucket_len, listed->name, entry->key) < 0)
        name = NULL;
    if (!add(listed->finding, found, name))
        return false;
    if (entry->etag[0] != '\0' && (etag = strdup(entry->etag)) == NULL)
        return out_of_memory(err);
    found->facts[found->count - 1] = (struct name_facts){.size = entry->size, .etag = etag};
    found->bytes += etag == NULL ? 0 : strlen(etag) + 1;
    found->objects++;
    return true;
}

static bool add_objects(const struct finding *finding, const char *name)
{
    const char *slash = strchr(name + strlen(S3_SCHEME), '/');
    finding->found->prefixes = true;
    const struct listed listed = {.finding = finding,
                                  .name = name,
                                  .bucket_len = slash == NULL ? 0 : (int)(slash + 1 - name)};

    return s3_list(finding->request->s3, name, finding->request->range, add_object,
                   (void *)(uintptr_t)&listed, finding->err);
}

static bool check_objects_distinct(const struct names *names, struct err *err)
{
    char **sorted = calloc(names->objects + 1, sizeof *sorted);
    size_t count = 0;
    bool distinct = true;
    char shown[SHOWN];

    if (sorted == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < names->count; i++)
        if (s3_is_name(names->item[i]))
            sorted[count++] = names->item[i];
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 1; i < count && distinct; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            distinct = err_set(err, STATUS_USAGE,
                               "%s is named twice: its events would count twice; name it once",
                               err_quote(shown, sizeof shown, sorted[i], strlen(sorted[i])));
    free(sorted);
    return distinct;
}

/* Taking operands. */

static bool add_operand(const struct finding *finding, const char *name)
{
    const struct names_request *request = finding->request;
    struct stat st;

    if (strcmp(name, "-") == 0) {
        if (request->list != NULL && strcmp(request->list, "-") == 0)
            return err_set(finding->err, STATUS_USAGE,
                           "standard input holds the list of --files-from, and cannot be read as "
                           "events too");
        return add(finding, finding->found, strdup(name));
    }
    if (request->s3 != NULL && s3_is_name(name))
        return add_objects(finding, name);
    if (stat(name, &st) != 0)
        return cannot_open(name, finding->err);
    return S_ISDIR(st.st_mode) ? add_directory(finding, name) : add_file(finding, strdup(name));
}

/* Reading --files-from. */

static bool bad_list(struct err *err, const char *label, uint64_t number, const char *what)
{
    char shown[SHOWN];

    return err_set(err, STATUS_USAGE, "--files-from: %s:%llu: %s",
                   err_quote(shown, sizeof shown, label, strlen(label)), (unsigned long long)number,
                   what);
}

/* One name, of which `have` bytes are there; empty ones only where lines are meant. */
static bool add_listed(const struct finding *finding, const char *label, uint64_t number,
                       const unsigned char *bytes, size_t len)
{
    char name[PATH_MAX];

    if (len == 0)
        return !finding->request->nul || bad_list(finding->err, label, number, "an empty name");
    if (len >= sizeof name)
        return bad_list(finding->err, label, number,
                        "a name of more than 4095 bytes; is it a list of names?");
    if (memchr(bytes, '\0', len) != NULL)
        return bad_list(finding->err, label, number,
                        "a NUL byte; add -0 where names end in one; is it a list of names?");
    memcpy(name, bytes, len);
    name[len] = '\0';
    return add_operand(finding, name) ||
           err_prefix(finding->err, "--files-from: %s:%llu", label, (unsigned long long)number);
}

static bool read_list(const struct finding *finding, struct reader *reader)
{
    uint64_t number = 0;

    for (;;) {
        if (!reader_fill(reader, PATH_MAX + 1, finding->err))
            return false;
        const unsigned char *bytes = reader_bytes(reader), *end;
        const size_t have = reader_have(reader);
        if (have == 0)
            return true;
        end = memchr(bytes, finding->request->nul ? '\0' : '\n', have);
        const size_t len = end != NULL ? (size_t)(end - bytes) : have;
        if (!add_listed(finding, reader->name, ++number, bytes, len))
            return false;
        reader_consume(reader, len + (end != NULL));
    }
}

static bool add_list(const struct finding *finding, const char *name)
{
    struct input input = {.fd = -1};
    struct reader reader = {0};
    const size_t before = finding->found->count;
    char shown[SHOWN];
    bool done = input_open(&input, name, finding->err) && reader_init(&reader, finding->err);

    if (done) {
        reader_open(&reader, input.fd, input.label);
        done = read_list(finding, &reader);
        if (done && finding->found->count == before && !finding->found->prefixes)
            done = err_set(finding->err, STATUS_REFUSED, "--files-from: %s names no file",
                           err_quote(shown, sizeof shown, input.label, strlen(input.label)));
    }
    reader_release(&reader);
    input_close(&input);
    return done;
}

bool names_find(struct names *names, const struct names_request *request, struct err *err)
{
    struct names pending = {0};
    struct finding finding = {.request = request, .found = names, .pending = &pending, .err = err};
    bool done = true;

    *names = (struct names){0};
    for (size_t i = 0; i < request->count && done; i++)
        done = add_operand(&finding, request->operands[i]);
    done = done && (request->list == NULL || add_list(&finding, request->list));
    names_release(&pending);
    return done && (names->objects < 2 || check_objects_distinct(names, err));
}

void names_explain(const struct names *names, struct err *err)
{
    char shown[SHOWN];

    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->item[i];
        if (strcmp(name, "-") == 0 || s3_is_name(name) || access(name, F_OK) == 0 ||
            errno != ENOENT)
            continue;
        (void)err_set(err, STATUS_TRANSIENT,
                      "%s went away while the input was read; run again when its writer is done",
                      err_quote(shown, sizeof shown, name, strlen(name)));
        return;
    }
}
