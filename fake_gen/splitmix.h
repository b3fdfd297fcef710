/*
 * Randomness by counter: any word of the stream, without the words before it. Pure.
 *
 * SplitMix64 by Sebastiano Vigna (public domain, https://prng.di.unimi.it/splitmix64.c) adds a
 * constant to its state for each word and mixes the sum, so the word at a place of the stream is
 * one multiplication and one mix away.
 */
#ifndef FAKE_GEN_SPLITMIX_H
#define FAKE_GEN_SPLITMIX_H

#include <stdint.h>

#define SPLITMIX_STEP 0x9e3779b97f4a7c15u

static inline uint64_t splitmix_mix(uint64_t word)
{
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

/* The word that the stream from `state` gives after `counter` others. */
static inline uint64_t splitmix_at(uint64_t state, uint64_t counter)
{
    return splitmix_mix(state + (counter + 1) * SPLITMIX_STEP);
}

/*
 * The state to start from. A mixed one, because the streams of two states that lie a multiple of
 * the step apart are the same stream, shifted.
 */
static inline uint64_t splitmix_state(uint64_t seed)
{
    return splitmix_at(seed, 0);
}

/* A word's place in 0..range-1; the bias is below range / 2^64. */
static inline uint64_t splitmix_below(uint64_t word, uint64_t range)
{
    return (uint64_t)((unsigned __int128)word * range >> 64);
}

#endif
