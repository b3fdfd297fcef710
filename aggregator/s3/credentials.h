/*
 * Who signs requests, from where other programs look, too: the environment, the file of shared
 * credentials, a pod's web identity token. Secrets never appear in messages.
 */
#ifndef AGGREGATOR_S3_CREDENTIALS_H
#define AGGREGATOR_S3_CREDENTIALS_H

#include "aggregator/s3/answers.h"

enum s3_identity { S3_NOBODY, S3_KEYS, S3_WEB_IDENTITY };

enum { S3_WEB_TOKEN_MAX = 16 * 1024 };

/*
 * The first that is there:
 *   AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN where it is needed;
 *   the file that AWS_SHARED_CREDENTIALS_FILE names, its profile AWS_PROFILE or `default`;
 *   AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, which are to be exchanged: ret stays empty;
 *   ~/.aws/credentials.
 * USAGE where there is nothing, or half of it; REFUSED for a file that cannot be read, or that
 * others may read.
 */
bool s3_credentials_find(struct s3_credentials *ret, enum s3_identity *ret_identity,
                         struct err *err);

/* The token that AWS_WEB_IDENTITY_TOKEN_FILE names, which is renewed from time to time. */
bool s3_web_token_read(char ret[S3_WEB_TOKEN_MAX + 1], struct err *err);

#endif
