#include "gvisor_probe/compare/witness_record.h"

#include <stdio.h>
#include <string.h>

#include "common/json_in.h"
#include "common/sha256.h"
#include "gvisor_probe/witness/witness.h"

enum { SCHEMA_VERSION = 1, COUNT_MAX = 1 << 30, VISITOR_MAX = 256 };

static const char *const fates[FATES] = {
    [FATE_LANDED] = "landed",   [FATE_CONTAINED] = "contained", [FATE_DENIED] = "denied",
    [FATE_UNKNOWN] = "unknown", [FATE_FORGED] = "forged",
};

const char *fate_name(enum fate fate)
{
    return fates[fate];
}

static void check_entries(struct json_in *in, const cJSON *first)
{
    size_t index = 0;

    for (const cJSON *item = first; item != NULL && !in->failed; item = item->next, index++) {
        struct json_in at = {.source = in->source, .root = item, .err = in->err};
        (void)json_read_text(&at, "name", JSON_NEEDED);
        (void)json_read_text(&at, "type", JSON_NEEDED);
        (void)json_read_text(&at, "sha256", JSON_OR_NULL);
        if (at.failed) {
            (void)err_prefix(in->err, "entries[%zu]", index);
            in->failed = true;
        }
    }
}

static void read_decoys(struct witness_record *record, struct json_in *in)
{
    const cJSON *decoys = json_find(in->root, "decoys");

    if (decoys == NULL || cJSON_IsNull(decoys))
        return;
    record->has_decoys = true;
    record->accepts = json_read_u64(in, "decoys.accepts", COUNT_MAX);
    record->fifo_opens = json_read_u64(in, "decoys.fifo_opens", COUNT_MAX);
    record->connections = json_read_array(in, "decoys.connections", WITNESS_ENTRIES, JSON_NEEDED);
    const char *token = json_read_text(in, "decoys.token", JSON_NEEDED);
    if (!in->failed && strcmp(token, record->token) != 0)
        (void)json_reject(in, "decoys.token", "is not the canary's");
}

bool witness_record_read(struct witness_record *ret, const char *source, cJSON *record,
                         struct err *err)
{
    struct json_in in = {.source = source, .root = record, .err = err};

    *ret = (struct witness_record){.json = record, .source = source};
    const char *kind = json_read_text(&in, "kind", JSON_NEEDED);
    if (!in.failed && strcmp(kind, "witness") != 0)
        (void)json_reject(&in, "kind", "is not witness");
    if (json_read_u64(&in, "schema_version", UINT32_MAX) != SCHEMA_VERSION)
        (void)json_reject(&in, "schema_version", "is not one that this program reads");
    bool valid = json_read_bool(&in, "valid", false, JSON_NEEDED);
    ret->fault = json_read_text(&in, "fault", JSON_OR_NULL);
    if (!valid && ret->fault == NULL)
        ret->fault = "it says so";
    ret->token = json_read_text(&in, "token", JSON_NEEDED);
    ret->boot_id = json_read_text(&in, "boot_id", JSON_OR_NULL);
    ret->truncated = json_read_bool(&in, "truncated", true, JSON_NEEDED);
    ret->entries = json_read_array(&in, "entries", WITNESS_ENTRIES, JSON_NEEDED);
    ret->filestores = json_read_array(&in, "filestores", WITNESS_ENTRIES, JSON_NEEDED);
    check_entries(&in, ret->entries);
    read_decoys(ret, &in);
    return !in.failed;
}

void witness_record_release(struct witness_record *record)
{
    cJSON_Delete(record->json);
    *record = (struct witness_record){0};
}

static const char *text_of(const cJSON *entry, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, name));
}

static bool holds(const cJSON *entry, const char *content)
{
    const char *digest = text_of(entry, "sha256");
    struct sha256 hash;
    char hex[SHA256_HEX + 1];

    sha256_init(&hash);
    sha256_add(&hash, content, strlen(content));
    sha256_hex(&hash, hex);
    return digest != NULL && strcmp(digest, hex) == 0;
}

enum fate witness_record_fate(const struct witness_record *record, const struct cell_write *write)
{
    const cJSON *entry = record->entries;

    while (entry != NULL && strcmp(text_of(entry, "name"), write->path) != 0)
        entry = entry->next;
    if (entry != NULL && !write->made)
        return FATE_FORGED;
    if (!write->made)
        return FATE_DENIED;
    if (entry != NULL)
        return strcmp(text_of(entry, "type"), write->kind) == 0 &&
                       (write->content == NULL || holds(entry, write->content))
                   ? FATE_LANDED
                   : FATE_FORGED;
    if (record->json == NULL || record->fault != NULL || record->truncated || !write->kept)
        return FATE_UNKNOWN;
    return FATE_CONTAINED;
}

bool witness_record_visited(const struct witness_record *record, const char *run_id,
                            const char *cell)
{
    char visitor[VISITOR_MAX];

    (void)snprintf(visitor, sizeof visitor, "%s-%s", run_id, cell);
    for (const cJSON *item = record->connections; item != NULL; item = item->next) {
        const char *said = text_of(item, "said");
        if (said != NULL && strcmp(said, visitor) == 0)
            return true;
    }
    return false;
}
