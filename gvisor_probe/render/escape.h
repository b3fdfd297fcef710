/*
 * Escapes text for a format. Pure. Control characters and malformed UTF-8 become \xNN first
 * (err_quote), in every format.
 */
#ifndef GVISOR_PROBE_RENDER_ESCAPE_H
#define GVISOR_PROBE_RENDER_ESCAPE_H

#include "common/buf.h"

void add_xml(struct buf *out, const char *text);      /* text or attribute */
void add_markdown(struct buf *out, const char *text); /* for a cell of a table */

#endif
