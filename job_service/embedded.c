/* Files that travel within the program. Pure. */
#include "job_service/commands.h"

#define EMBED(name, path)                                                                          \
    __asm__(".section .rodata\n"                                                                   \
            ".global " #name "\n"                                                                  \
            ".type " #name ", @object\n" #name ":\n"                                               \
            ".incbin \"" path "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".size " #name ", . - " #name "\n"                                                     \
            ".previous\n")

EMBED(schema_sql, "job_service/db/schema.sql");
EMBED(openapi_json, "job_service/api/openapi.json");
