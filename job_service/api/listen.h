/* A listening socket for "ADDRESS:PORT". */
#ifndef JOB_SERVICE_API_LISTEN_H
#define JOB_SERVICE_API_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* "127.0.0.1:8080", "[::1]:8080", "localhost:0": port 0 is any free one. USAGE for other texts. */
bool listen_open(const char *text, int *ret_fd, uint16_t *ret_port, struct err *err);

/* Whether only this machine reaches it. */
bool listen_is_loopback(const char *text);

#endif
