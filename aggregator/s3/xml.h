/*
 * The XML of S3's answers, element by element, within limits. Pure.
 *
 * What S3 writes is taken: a declaration, elements, attributes (passed over), text, CDATA,
 * comments, the five named entities and numbers. A document type, other entities and processing
 * instructions are refused, as is whatever is not well-formed; so nothing is expanded and nothing
 * is fetched. Source: Extensible Markup Language 1.0, fifth edition.
 */
#ifndef AGGREGATOR_S3_XML_H
#define AGGREGATOR_S3_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

enum { XML_DEPTH_MAX = 16, XML_NAME_MAX = 64, XML_TEXT_MAX = 64 * 1024 };

enum xml_event { XML_BEGIN, XML_END, XML_DONE, XML_BAD };

struct xml {
    const char *at, *end;
    char name[XML_DEPTH_MAX][XML_NAME_MAX + 1]; /* of the open elements, without namespaces */
    unsigned depth;
    struct buf text; /* of the innermost element, since it or a part of it last began */
    bool seen;       /* the outermost element has begun */
    bool is_empty;   /* the element at hand is <name/>: its end is next */
    bool ended;      /* the element at hand has ended */
};

/* The bytes are borrowed. Release with xml_release(). */
void xml_init(struct xml *xml, const char *bytes, size_t len);
void xml_release(struct xml *xml);

/*
 * An element began or ended: name[depth - 1] is it, and at its end text has its text. DONE after
 * the outermost one's end. BAD: INPUT, *err says why.
 */
enum xml_event xml_next(struct xml *xml, struct err *err);

/* Whether the element at hand is path[0] in the outermost, within path[1] and so on: "a/b/c". */
bool xml_is(const struct xml *xml, const char *path);

#endif
