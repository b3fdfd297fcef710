/* A pause between two attempts. */
#ifndef COMMON_PAUSE_H
#define COMMON_PAUSE_H

/* A signal ends it early. */
void pause_for(unsigned ms);

#endif
