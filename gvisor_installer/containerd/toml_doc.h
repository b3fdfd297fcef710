/*
 * A TOML document, read (toml.io/en/v1.0.0). Pure. The parser is toml++ of Debian's
 * libtomlplusplus-dev; toml_doc.cpp is the one file that knows it.
 *
 * Paths are keys ended by NULL. A path that leads nowhere, or to another kind of value than the
 * one asked for, gives false or NULL. Texts are borrowed from the document.
 */
#ifndef GVISOR_INSTALLER_CONTAINERD_TOML_DOC_H
#define GVISOR_INSTALLER_CONTAINERD_TOML_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct toml_doc;

/* Where something stands: lines and columns count from 1, columns are characters, end is past it.
 */
struct toml_place {
    uint32_t line, column;
    uint32_t end_line, end_column;
};

/* Broken text is INPUT, "line:column: reason". The caller frees the result. */
struct toml_doc *toml_doc_parse(const char *bytes, size_t len, struct err *err);
void toml_doc_free(struct toml_doc *doc); /* NULL is fine */

bool toml_doc_has(const struct toml_doc *doc, const char *const path[]);
bool toml_doc_is_table(const struct toml_doc *doc, const char *const path[]);
bool toml_doc_integer(const struct toml_doc *doc, const char *const path[], int64_t *ret);
bool toml_doc_bool(const struct toml_doc *doc, const char *const path[], bool *ret);
const char *toml_doc_text(const struct toml_doc *doc, const char *const path[]);
bool toml_doc_place(const struct toml_doc *doc, const char *const path[], struct toml_place *ret);

/* The name of a table's index-th key in the order of bytes; NULL past the last, or for no table. */
const char *toml_doc_key(const struct toml_doc *doc, const char *const path[], size_t index);

/*
 * From the header of a table to the end of its last value, those of tables below it left out; of a
 * table in braces, where it stands. Of a table that holds others with headers it is the first of
 * these, and so on inwards: whoever cuts that out and looks again has cut all of it out in the end.
 */
bool toml_doc_block(const struct toml_doc *doc, const char *const path[], struct toml_place *ret);

/* An array of texts only; false when it is none, or holds anything else. */
bool toml_doc_texts(const struct toml_doc *doc, const char *const path[], size_t *ret_count);
const char *toml_doc_item(const struct toml_doc *doc, const char *const path[], size_t index,
                          struct toml_place *ret_place);

/* Drops a value, or one element of an array; nothing happens when it is not there. */
void toml_doc_drop(struct toml_doc *doc, const char *const path[]);
void toml_doc_drop_item(struct toml_doc *doc, const char *const path[], size_t index);

/* Drops tables that are empty, and then those that this empties, the document itself excepted. */
void toml_doc_prune(struct toml_doc *doc);

/* The same values under the same keys, wherever they stand. */
bool toml_doc_equal(const struct toml_doc *one, const struct toml_doc *other);

#ifdef __cplusplus
}
#endif

#endif
