/*
 * One HTTP exchange: a request, signed or not, and its answer as it comes in. Nothing is tried
 * again here, and no redirect is followed, because a signature is for one host. libcurl signs
 * (AWS's version 4) and verifies TLS. A stop ends every wait. One thread at a time.
 */
#ifndef AGGREGATOR_S3_TRANSFER_H
#define AGGREGATOR_S3_TRANSFER_H

#include "aggregator/s3/answers.h"

/* Connections, which are kept for the next exchange. */
struct wire;

/* ca_file: PEM certificates to trust in place of the system's, or NULL; borrowed. */
struct wire *wire_open(const char *ca_file, struct err *err);
void wire_close(struct wire *wire); /* accepts NULL */

struct transfer_request {
    const char *url;
    bool head;        /* HEAD, else GET */
    const char *form; /* POST this instead; or NULL */
    const char *if_match;
    uint64_t from;                       /* the first byte wanted */
    bool ranged;                         /* ask by a Range, even from 0 */
    const struct s3_credentials *signer; /* NULL: unsigned */
    const char *region;                  /* to sign for */
};

/* What its head said. */
struct transfer_head {
    long status;
    char etag[S3_ETAG_MAX + 1]; /* without quotes; "" without one */
    char region[64];            /* of the bucket; "": it did not say */
    bool sized;
    uint64_t length;      /* of the body, where sized */
    bool ranged;          /* it has a range of the whole */
    uint64_t from, whole; /* which begins there; bytes of the whole */
};

struct transfer;

/* All that request points to is copied. NULL without memory. */
struct transfer *transfer_begin(struct wire *wire, const struct transfer_request *request,
                                struct err *err);
void transfer_end(struct transfer *transfer); /* accepts NULL */

/* Waits for the head. TRANSIENT where the server cannot be reached; REFUSED by TLS. */
const struct transfer_head *transfer_head(struct transfer *transfer, struct err *err);

/*
 * Waits for bytes of the body: 1 with *ret of them, 0 at its end, -1: *err is filled. TRANSIENT
 * also where fewer came than were announced.
 */
int transfer_read(struct transfer *transfer, void *to, size_t room, size_t *ret, struct err *err);

#endif
