/* The reports of a recorded experiment, for tests that change one thing and compare. */
#ifndef GVISOR_PROBE_TESTS_RECORDING_H
#define GVISOR_PROBE_TESTS_RECORDING_H

#include "common/json_in.h"
#include "common/tests/scratch.h"
#include "gvisor_probe/compare/comparison.h"

enum { RUNC, GVISOR, SEALED, UNCONFINED, RECORDED };

struct recording {
    cJSON *reports[RECORDED], *witness; /* taken over when compared; witness may be deleted: none */
    size_t count;                       /* of the reports that are compared */
    struct cell cells[RECORDED];
    struct witness_record record;
    struct comparison comparison;
};

static inline cJSON *recorded(const char *name)
{
    char path[PATH_MAX];
    struct err err = {0};
    size_t len = 0;

    (void)snprintf(path, sizeof path, "gvisor_probe/tests/fixtures/%s.json", name);
    char *text = scratch_read(path, &len);
    CHECK(text != NULL, "%s (run the tests from the top of the tree)", path);
    cJSON *json = json_parse(path, text, len, &err);
    CHECK(json != NULL, "%s", err.text);
    free(text);
    return json;
}

static inline struct recording *recording_open(void)
{
    static const char *const names[RECORDED] = {"runc", "gvisor", "gvisor-sealed",
                                                "runc-unconfined"};
    struct recording *made = calloc(1, sizeof *made);

    assert_non_null(made);
    for (size_t i = 0; i < RECORDED; i++)
        made->reports[i] = recorded(names[i]);
    made->witness = recorded("witness");
    made->count = RECORDED;
    return made;
}

/* Puts json in the place of the member at a dotted path, which must be there. */
static inline void change(cJSON *root, const char *path, const char *json)
{
    char parent[128];
    const char *dot = strrchr(path, '.');
    cJSON *value = cJSON_Parse(json);

    CHECK(value != NULL, "%s", json);
    (void)snprintf(parent, sizeof parent, "%.*s", dot == NULL ? 0 : (int)(dot - path), path);
    cJSON *object = (cJSON *)json_find(root, parent);
    CHECK(cJSON_ReplaceItemInObjectCaseSensitive(object, dot == NULL ? path : dot + 1, value), "%s",
          path);
}

static inline cJSON *element(cJSON *root, const char *array, const char *key, const char *value)
{
    cJSON *item = ((cJSON *)json_find(root, array))->child;
    while (item != NULL &&
           strcmp(cJSON_GetObjectItemCaseSensitive(item, key)->valuestring, value) != 0)
        item = item->next;
    CHECK(item != NULL, "%s with %s %s", array, key, value);
    return item;
}

static inline const struct comparison *recording_compare(struct recording *recording)
{
    struct err err = {0};

    for (size_t i = 0; i < recording->count; i++) {
        CHECK(cell_read(&recording->cells[i], "report", recording->reports[i], &err), "%s",
              err.text);
        recording->reports[i] = NULL;
    }
    if (recording->witness != NULL)
        CHECK(witness_record_read(&recording->record, "witness", recording->witness, &err), "%s",
              err.text);
    recording->witness = NULL;
    comparison_make(&recording->comparison, recording->cells, recording->count, &recording->record);
    return &recording->comparison;
}

static inline void recording_close(struct recording *recording)
{
    for (size_t i = 0; i < RECORDED; i++) {
        cJSON_Delete(recording->reports[i]);
        cell_release(&recording->cells[i]);
    }
    cJSON_Delete(recording->witness);
    witness_record_release(&recording->record);
    free(recording);
}

#endif
