#include "job_runner/command.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_in.h"

void command_free(char **command)
{
    for (char **word = command; word != NULL && *word != NULL; word++)
        free(*word);
    free(command);
}

static bool copy_words(const cJSON *list, char ***ret, struct err *err)
{
    size_t count = (size_t)cJSON_GetArraySize(list), at = 0;
    const cJSON *word;

    if (!cJSON_IsArray(list) || count > COMMAND_WORDS_MAX)
        return err_set(err, STATUS_INPUT, "the command is not an array of at most %d strings",
                       COMMAND_WORDS_MAX);
    char **command = calloc(count + 1, sizeof *command);
    if (command == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    cJSON_ArrayForEach(word, list)
    {
        if (!cJSON_IsString(word)) {
            command_free(command);
            return err_set(err, STATUS_INPUT, "the command's word %zu is not a string", at + 1);
        }
        command[at] = strdup(word->valuestring);
        if (command[at++] == NULL) {
            command_free(command);
            return err_set(err, STATUS_TRANSIENT, "out of memory");
        }
    }
    *ret = command;
    return true;
}

bool command_read(const char *text, char ***ret, struct err *err)
{
    size_t len = strnlen(text, COMMAND_TEXT_MAX + 1);

    if (len > COMMAND_TEXT_MAX)
        return err_set(err, STATUS_INPUT, "the command is larger than %d bytes", COMMAND_TEXT_MAX);
    cJSON *list = json_parse("command", text, len, err);
    bool done = list != NULL && copy_words(list, ret, err);
    cJSON_Delete(list);
    return done;
}
