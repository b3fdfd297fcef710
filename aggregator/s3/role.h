/* A pod's web identity token, exchanged for credentials that last about an hour. */
#ifndef AGGREGATOR_S3_ROLE_H
#define AGGREGATOR_S3_ROLE_H

#include "aggregator/s3/transfer.h"

/*
 * Asks AWS_ENDPOINT_URL_STS, by default Amazon's service for the region, for the role AWS_ROLE_ARN.
 * REFUSED where it is not given; TRANSIENT where the service cannot be reached.
 */
bool s3_role_assume(struct wire *wire, const char *region, bool plain_http,
                    struct s3_credentials *ret, struct err *err);

#endif
