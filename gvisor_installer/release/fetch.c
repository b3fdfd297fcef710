/* Archives from a URL or a path, never trusted before their digest is known. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/stop.h"
#include "common/whole.h"
#include "gvisor_installer/release/release.h"

enum {
    ARCHIVE_MAX = 512 << 20,
    CHUNK = 1 << 18,
    CONNECT_S = 20,
    SLOW_BYTES = 1000, /* a second, for SLOW_S seconds: then it is given up */
    SLOW_S = 60,
    ATTEMPTS = 3,
    REDIRECTS = 3,
    SHA512_HEX = 128,
};

static size_t store(char *bytes, size_t size, size_t count, void *context)
{
    const int *fd = context;
    (void)size;
    return whole_write(*fd, bytes, count) ? count : 0;
}

static int cancelled(void *unused, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)unused;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return stop_requested();
}

static bool is_loopback(const char *url)
{
    return strncmp(url, "http://127.0.0.1:", 17) == 0 || strncmp(url, "http://localhost:", 17) == 0;
}

static bool download_once(const char *url, int fd, struct err *err)
{
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURL *curl = curl_easy_init();

    if (curl == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        (void)err_errno(err, errno, "cannot start again");
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_loopback(url) ? "http" : "https");
    (void)curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    (void)curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ARCHIVE_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, cancelled);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, store);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &fd);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return stop_err(err);
    if (code != CURLE_OK || status != 200)
        return err_set(err, status >= 400 && status < 500 ? STATUS_REFUSED : STATUS_TRANSIENT,
                       "cannot download %s: %s (HTTP status %ld)", url,
                       why[0] != '\0' ? why : curl_easy_strerror(code), status);
    return true;
}

static bool download(const char *url, int fd, struct err *err)
{
    for (int attempt = 1;; attempt++) {
        struct err why = {0};
        if (download_once(url, fd, &why))
            return true;
        if (why.status != STATUS_TRANSIENT || attempt == ATTEMPTS) {
            *err = why;
            return false;
        }
        if (stop_wait(-1, 0, attempt * 1000, err) < 0)
            return false;
    }
}

static bool digest(int fd, char out[SHA512_HEX + 1], struct err *err)
{
    static unsigned char bytes[CHUNK];
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ssize_t got = 0;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    bool done = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha512(), NULL) == 1 &&
                lseek(fd, 0, SEEK_SET) == 0;
    while (done && (got = read(fd, bytes, sizeof bytes)) > 0)
        done = EVP_DigestUpdate(hash, bytes, (size_t)got) == 1;
    done = done && got == 0 && EVP_DigestFinal_ex(hash, sum, &len) == 1;
    EVP_MD_CTX_free(hash);
    if (!done)
        return err_set(err, STATUS_TRANSIENT, "cannot read the archive");
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(out + 2 * (size_t)i, 3, "%02x", sum[i]);
    return true;
}

int release_open_archive(const char *from, const char *sha512, const char *scratch, struct err *err)
{
    const bool remote = strstr(from, "://") != NULL;
    char found[SHA512_HEX + 1] = "";

    if (strlen(sha512) != SHA512_HEX || strspn(sha512, "0123456789abcdefABCDEF") != SHA512_HEX) {
        (void)err_set(err, STATUS_USAGE, "--archive needs --archive-sha512: %d hexadecimal digits",
                      SHA512_HEX);
        return -1;
    }
    int fd = remote ? open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                    : open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)err_errno(err, errno, "cannot open %s", remote ? scratch : from);
        return -1;
    }
    bool done = (!remote || download(from, fd, err)) && digest(fd, found, err);
    if (done && strcasecmp(found, sha512) != 0)
        done = err_set(err, STATUS_INPUT,
                       "%s is not the archive that was meant: its SHA-512 begins %.16s, not %.16s",
                       from, found, sha512);
    if (!done) {
        (void)close(fd);
        return -1;
    }
    return fd;
}
