/*
 * Text for a format, with whatever would end it or mean something in it escaped. Pure.
 * Control and stray bytes become \xNN first (err_quote), in every format.
 */
#ifndef GVISOR_PROBE_RENDER_ESCAPE_H
#define GVISOR_PROBE_RENDER_ESCAPE_H

#include "common/buf.h"

bool add_xml(struct buf *out, const char *text, struct err *err);      /* text or attribute */
bool add_markdown(struct buf *out, const char *text, struct err *err); /* in a table's field */

#endif
