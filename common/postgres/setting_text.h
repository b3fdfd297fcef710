/*
 * Finds settings that cannot be meant: a Secret made with echo, an Argo expression that was not
 * evaluated, a port in the place of a host. Pure.
 *
 * They are refused (USAGE), never corrected: a wrong name might exist in the database, or be
 * created there. Messages begin with `name`, which says where the text is from. They never quote
 * the text, which may be a secret in the wrong place.
 */
#ifndef COMMON_POSTGRES_SETTING_TEXT_H
#define COMMON_POSTGRES_SETTING_TEXT_H

#include <stdbool.h>

#include "common/err.h"

/* UTF-8 without control characters. */
bool setting_check_text(const char *name, const char *text, struct err *err);

/* No blank at either end. */
bool setting_check_ends(const char *name, const char *text, struct err *err);

/* Nothing like {{workflow.uid}} or {{=...}}. */
bool setting_check_filled(const char *name, const char *text, struct err *err);

/*
 * Hosts as libpq takes them: names, IPv4, IPv6 without brackets (fe80::1%eth0), socket directories,
 * @abstract sockets, several between commas. port_name says where a port goes.
 */
bool setting_check_hosts(const char *name, const char *hosts, const char *port_name,
                         struct err *err);

/* Ports as libpq takes them: 1 to 65535, several between commas, an empty one for the default. */
bool setting_check_ports(const char *name, const char *ports, struct err *err);

/* A database's name; people often put a URI or key=value text there. */
bool setting_check_database(const char *name, const char *database, struct err *err);

#endif
