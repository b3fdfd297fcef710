/*
 * Keeps `seen` up to date: a list of each source, then a watch from there on. One thread.
 *
 * Versions are opaque. A watch ends after some minutes of the API's own choice among those asked
 * for, and goes on from the last version; 410, as a status or within the stream, begins with a list
 * again. What a watch misses all the same is found by the lists of reconciliation.
 */
#ifndef JOB_SERVICE_DISPATCH_FOLLOW_H
#define JOB_SERVICE_DISPATCH_FOLLOW_H

#include "job_service/dispatch/cluster.h"

struct follow;

/* kube is for the watches alone; lists are asked by cluster. watch_s: length of a watch, about. */
struct follow *follow_start(struct cluster *cluster, struct kube *kube, struct seen *seen,
                            unsigned watch_s, struct err *err);
void follow_stop(struct follow *follow); /* accepts NULL */

/* Lists and starts what is due, then waits for news for at most wait_ms. False: kube_stop(). */
bool follow_turn(struct follow *follow, int wait_ms);

/* Whether every source was listed, ever: until then what is not seen may be there. */
bool follow_is_up(const struct follow *follow);

/* Grows with each change. */
uint64_t follow_changes(const struct follow *follow);

#endif
