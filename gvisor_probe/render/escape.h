/*
 * Escapes text for a format. Pure. Control characters and malformed UTF-8 become \xNN first
 * (err_quote), in every format.
 */
#ifndef GVISOR_PROBE_RENDER_ESCAPE_H
#define GVISOR_PROBE_RENDER_ESCAPE_H

#include "common/buf.h"

bool add_xml(struct buf *out, const char *text, struct err *err);      /* text or attribute */
bool add_markdown(struct buf *out, const char *text, struct err *err); /* for a cell of a table */

#endif
