#include "gvisor_installer/plan/vendors.h"

#include <stdio.h>
#include <string.h>

/* The comments at the start, blank lines between them and a byte order mark passed over. */
static size_t comments_len(const char *text, size_t len)
{
    size_t at = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < len && strchr("# \t\r\n", text[at]) != NULL && text[at] != '\0') {
        const char *end = text[at] == '#' ? memchr(text + at, '\n', len - at) : text + at;
        if (end == NULL)
            return len;
        at = (size_t)(end - text) + 1;
    }
    return at;
}

static const char *find(const char *text, size_t len, const char *word)
{
    return memmem(text, len, word, strlen(word));
}

static bool names(const char *path, const char *comments, size_t len, const char *vendor)
{
    char folder[32];
    (void)snprintf(folder, sizeof folder, "/%s/", vendor);
    return strstr(path, folder) != NULL || find(comments, len, vendor) != NULL;
}

static void beside(const char *path, const char *name, int name_len, char out[CONFIG_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const int dir_len = name[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - path);
    (void)snprintf(out, CONFIG_PATH_MAX, "%.*s%.*s", dir_len, path, name_len, name);
}

/* "... DO NOT EDIT. Use config.toml.tmpl instead." */
static void read_template(const char *path, const char *comments, size_t len, bool merges,
                          struct vendor *ret)
{
    const char *use = find(comments, len, "Use "), *name = NULL;
    size_t name_len = 0;

    if (use != NULL) {
        name = use + strlen("Use ");
        const size_t left = len - (size_t)(name - comments);
        while (name_len < left && strchr(" \t\r\n", name[name_len]) == NULL)
            name_len++;
    }
    if (name_len > 5 && memcmp(name + name_len - 5, ".tmpl", 5) == 0)
        beside(path, name, (int)name_len, ret->template);
    else if (ret->based_on != NULL)
        beside(path, merges ? "config-v3.toml.tmpl" : "config.toml.tmpl", CONFIG_PATH_MAX,
               ret->template);
}

bool vendor_of(const char *path, const char *text, size_t len, bool merges, bool has_template,
               struct vendor *ret)
{
    static const char *const templated[] = {"k3s", "rke2"};
    const size_t comments = comments_len(text, len);

    *ret = (struct vendor){.name = "a program"};
    if (find(text, comments, "k0s_managed=true") != NULL) {
        (void)snprintf(ret->name, sizeof ret->name, "k0s");
        beside(path, "containerd.d", CONFIG_PATH_MAX, ret->drop_ins);
        return true;
    }
    if (has_template || strstr(path, "/microk8s/") != NULL) {
        (void)snprintf(ret->name, sizeof ret->name, "microk8s");
        beside(path, VENDOR_MICROK8S_TEMPLATE, CONFIG_PATH_MAX, ret->template);
        return true;
    }
    if (find(text, comments, "DO NOT EDIT") == NULL &&
        strstr(path, "/agent/etc/containerd/") == NULL)
        return false;
    for (size_t i = 0; i < sizeof templated / sizeof *templated; i++)
        if (names(path, text, comments, templated[i])) {
            (void)snprintf(ret->name, sizeof ret->name, "%s", templated[i]);
            ret->based_on = "{{ template \"base\" . }}";
        }
    read_template(path, text, comments, merges, ret);
    return true;
}
