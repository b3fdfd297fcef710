#include "gvisor_installer/release/release.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/sha256.h"
#include "common/whole.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/node/path.h"
#include "gvisor_installer/release/release_list.h"

enum {
    COPY_SIZE = 1 << 18,
    FILES_MAX = 64,
    FILE_SIZE_MAX = 512 << 20,
    RUN_TIMEOUT_MS = 30000,
};

#if defined __x86_64__
#define MACHINE EM_X86_64
#else
#define MACHINE EM_AARCH64 /* gVisor runs on these two */
#endif

bool release_name(int directory, char *out, size_t size, struct err *err)
{
    OWNED_BUF(text, 1 << 20);

    out[0] = '\0';
    int fd = openat(directory, "RELEASE", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || err_errno(err, errno, "cannot read the payload's file RELEASE");
    bool done = whole_read(fd, "the payload's file RELEASE", &text, err);
    (void)close(fd);
    if (!done)
        return false;
    text.data[strcspn(text.data, "\n")] = '\0';
    if (release_name_valid(text.data))
        (void)snprintf(out, size, "%s", text.data);
    return true;
}

/* What is being put together. */
struct unpacking {
    const char *directory;
    struct buf list; /* sha256sum's format */
    size_t files;
};

struct input {
    ssize_t (*read)(const struct input *input, void *into, size_t size, struct err *err);
    int fd;
    struct archive *archive;
};

static ssize_t read_file(const struct input *input, void *into, size_t size, struct err *err)
{
    ssize_t got = TEMP_FAILURE_RETRY(read(input->fd, into, size));
    if (got < 0)
        (void)err_errno(err, errno, "cannot read");
    return got;
}

static ssize_t read_archive(const struct input *input, void *into, size_t size, struct err *err)
{
    ssize_t got = archive_read_data(input->archive, into, size);
    if (got < 0)
        (void)err_set(err, STATUS_INPUT, "the archive is broken: %s",
                      archive_error_string(input->archive));
    return got;
}

static bool is_for_this_machine(const unsigned char *start, size_t len)
{
    Elf64_Ehdr header;
    if (len < sizeof header)
        return false;
    memcpy(&header, start, sizeof header);
    return memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
           header.e_machine == MACHINE;
}

static bool copy(const struct input *input, int fd, struct sha256 *hash, unsigned char *bytes,
                 struct err *err)
{
    uint64_t size = 0;

    for (bool first = true;; first = false) {
        size_t len = 0;
        ssize_t got = 1;
        while (len < COPY_SIZE && got > 0) {
            got = input->read(input, bytes + len, COPY_SIZE - len, err);
            if (got < 0)
                return false;
            len += (size_t)got;
        }
        if (first && !is_for_this_machine(bytes, len))
            return err_set(err, STATUS_INPUT,
                           "no program for this machine (a page, or another "
                           "architecture's?)");
        size += len;
        if (size > FILE_SIZE_MAX)
            return err_set(err, STATUS_INPUT, "more than %d bytes", FILE_SIZE_MAX);
        sha256_add(hash, bytes, len);
        if (!whole_write(fd, bytes, len))
            return err_errno(err, errno, "cannot write");
        if (got == 0)
            return fsync(fd) == 0 || err_errno(err, errno, "cannot make durable");
    }
}

static bool put(struct unpacking *to, const char *name, const struct input *input, struct err *err)
{
    static unsigned char bytes[COPY_SIZE];
    char path[PATH_MAX], hex[SHA256_HEX + 1];
    struct sha256 hash;

    if (to->files++ == FILES_MAX)
        return err_set(err, STATUS_INPUT, "more than %d files", FILES_MAX);
    if (!path_join(path, to->directory, name, err))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0755);
    if (fd < 0)
        return err_errno(err, errno, "cannot create %s", path);
    sha256_init(&hash);
    bool done = (fchmod(fd, 0755) == 0 || err_errno(err, errno, "cannot give it its mode")) &&
                copy(input, fd, &hash, bytes, err);
    (void)close(fd);
    if (!done)
        return err_prefix(err, "%s", name);
    sha256_hex(&hash, hex);
    buf_printf(&to->list, "%s  %s\n", hex, name);
    return buf_ok(&to->list, err);
}

static bool put_open(struct unpacking *to, int directory, const char *file, const char *name,
                     struct err *err)
{
    const struct input input = {.read = read_file,
                                .fd = openat(directory, file, O_RDONLY | O_CLOEXEC)};
    if (input.fd < 0)
        return err_errno(err, errno, "cannot open %s", name);
    bool done = put(to, name, &input, err);
    (void)close(input.fd);
    return done;
}

static bool put_sidecars(struct unpacking *to, int directory, struct err *err)
{
    bool done = true;
    int inner = openat(directory, SIDECARS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inner < 0)
        return errno == ENOENT || err_errno(err, errno, "cannot open " SIDECARS);
    DIR *entries = fdopendir(inner);
    if (entries == NULL) {
        (void)close(inner);
        return err_errno(err, errno, "cannot read " SIDECARS);
    }
    for (struct dirent *entry; done && (entry = readdir(entries)) != NULL;) {
        char name[sizeof SIDECARS + sizeof entry->d_name];
        if (!release_name_valid(entry->d_name))
            continue;
        (void)snprintf(name, sizeof name, SIDECARS "%s", entry->d_name);
        done = put_open(to, inner, entry->d_name, name, err);
    }
    (void)closedir(entries);
    return done;
}

static bool put_directory(struct unpacking *to, int directory, struct err *err)
{
    return put_open(to, directory, RUNSC, RUNSC, err) && put_open(to, directory, SHIM, SHIM, err) &&
           put_sidecars(to, directory, err);
}

static bool put_archive(struct unpacking *to, int fd, struct err *err)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    const struct input input = {.read = read_archive, .archive = archive};
    bool done = archive != NULL;
    int got = ARCHIVE_OK;

    if (!done)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    (void)archive_read_support_filter_bzip2(archive);
    (void)archive_read_support_format_tar(archive);
    if (lseek(fd, 0, SEEK_SET) != 0 || archive_read_open_fd(archive, fd, COPY_SIZE) != ARCHIVE_OK)
        done = err_set(err, STATUS_INPUT, "no tar, packed with bzip2 or not: %s",
                       archive_error_string(archive));
    /* A warning is about a name that this locale cannot represent: not one of gVisor's. */
    while (done && ((got = archive_read_next_header(archive, &entry)) == ARCHIVE_OK ||
                    got == ARCHIVE_WARN)) {
        const char *path = archive_entry_pathname(entry), *name;
        if (path != NULL && archive_entry_filetype(entry) == AE_IFREG &&
            release_member(path, &name))
            done = put(to, name, &input, err);
    }
    if (done && got != ARCHIVE_EOF)
        done =
            err_set(err, STATUS_INPUT, "the archive is broken: %s", archive_error_string(archive));
    (void)archive_read_free(archive);
    return done;
}

/* Checks that runsc runs and that its version is the release's name. */
static bool check_version(const char *directory, const char *release, struct err *err)
{
    OWNED_BUF(said, 1 << 20);
    char program[PATH_MAX];
    const char *const argv[] = {program, "--version", NULL};

    if (!path_join(program, directory, RUNSC, err) || !host_run(argv, RUN_TIMEOUT_MS, &said, err))
        return false;
    if (strstr(said.data, release) != NULL)
        return true;
    said.data[strcspn(said.data, "\n")] = '\0';
    return err_set(err, STATUS_INPUT, "this runsc is not %s: it says '%.100s'", release, said.data);
}

static bool fill(const struct release_source *source, const char *directory, const char *release,
                 struct err *err)
{
    struct unpacking to = {.directory = directory};
    char path[PATH_MAX];

    buf_init(&to.list, RELEASE_LIST_MAX);
    bool done = path_join(path, directory, SIDECARS, err) && host_make_directory(path, err) &&
                (source->archive >= 0 ? put_archive(&to, source->archive, err)
                                      : put_directory(&to, source->directory, err));
    if (done && !(release_lists_programs(&to.list)))
        done = err_set(err, STATUS_INPUT, "it lacks " RUNSC " or " SHIM);
    if (!done)
        (void)err_prefix(err, "%s", source->shown);
    (void)rmdir(path); /* unless there is something in it */
    done = done && check_version(directory, release, err) &&
           path_join(path, directory, RELEASE_LIST, err) &&
           host_write(path, to.list.data, to.list.len, err);
    buf_release(&to.list);
    return done;
}

bool release_unpack(const struct release_source *source, const char *directory, const char *release,
                    struct err *err)
{
    char partial[PATH_MAX];

    if ((size_t)snprintf(partial, sizeof partial, "%s.partial", directory) >= sizeof partial - 64)
        return err_set(err, STATUS_USAGE, "%s: too long a path", directory);
    if (source->archive < 0 && source->directory < 0)
        return err_set(err, STATUS_USAGE, "no gVisor to install: name --payload or --archive");
    bool done = release_remove(partial, true, err) && host_make_directory(partial, err) &&
                fill(source, partial, release, err) && release_replace(partial, directory, err);
    struct err ignored = {0};
    (void)release_remove(partial, true, &ignored);
    return done;
}
