#include "job_service/api/known.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "common/machine.h"
#include "common/sha256.h"

/* A token's place is told by its digest; of two with the same place the later one has it. */
static struct {
    char digest[SHA256_HEX + 1];
    uint64_t until_ms;
} places[KNOWN_MAX];

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t place_of(const char *token, char digest[SHA256_HEX + 1])
{
    struct sha256 sum;
    size_t place = 0;

    sha256_init(&sum);
    if (token != NULL)
        sha256_add(&sum, token, strlen(token));
    sha256_hex(&sum, digest);
    for (size_t i = 0; i < 8; i++)
        place = place * 31 + (unsigned char)digest[i];
    return place % KNOWN_MAX;
}

bool known_is(const char *token)
{
    char digest[SHA256_HEX + 1];
    size_t place = place_of(token, digest);

    pthread_mutex_lock(&places_lock);
    bool is = places[place].until_ms > machine_ms() && strcmp(places[place].digest, digest) == 0;
    pthread_mutex_unlock(&places_lock);
    return is;
}

void known_add(const char *token)
{
    char digest[SHA256_HEX + 1];
    size_t place = place_of(token, digest);

    pthread_mutex_lock(&places_lock);
    memcpy(places[place].digest, digest, sizeof digest);
    places[place].until_ms = machine_ms() + KNOWN_MS;
    pthread_mutex_unlock(&places_lock);
}
