/*
 * Texts from manifests, Secrets and people that cannot be what was meant: a Secret made with echo,
 * an Argo expression that nobody filled in, a port where a host goes. Pure.
 *
 * They are refused (USAGE), never mended: a name that is not what it says would be looked for, or
 * made, in a database. Messages begin with `name`, which says where the text is from, and never
 * hold the text: it may be a secret in the wrong place.
 */
#ifndef AGGREGATOR_LOAD_SETTING_TEXT_H
#define AGGREGATOR_LOAD_SETTING_TEXT_H

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

/* A database's name, where a URI or key=value text is often put. */
bool setting_check_database(const char *name, const char *database, struct err *err);

#endif
