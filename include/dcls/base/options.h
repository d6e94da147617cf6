/* The command line of a command: tables of its options serve the parser, --help and every message.
 *
 * A value comes from the command line, else from the environment, else from the table. Whichever it is, the same is
 * asked of it, and what is wrong with it is told by its name there: '--port' or '$SERVER_PORT'. Options may stand
 * before, between and after operands; each command has -h (--help) and -V (--version) as well. */
#ifndef DCLS_BASE_OPTIONS_H
#define DCLS_BASE_OPTIONS_H

#include <stdbool.h>

#include "dcls/base/err.h"

/* What a command returns: of a failure one line on stderr says why, as of wrong usage. */
enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum option_type {
    OPTION_TEXT,   /* const char *, not empty */
    OPTION_CHOICE, /* const char *, one of `choices` */
    OPTION_INT,    /* int, `min` to `max` */
    OPTION_NUMBER, /* double, likewise */
    OPTION_SWITCH, /* bool, without a value: true where it is given */
};

struct command_option {
    const char *flag; /* without dashes */
    enum option_type type;
    const char *value; /* its placeholder in the help; NULL: as the type has it */
    void *to;          /* where the value goes: an object of the type's */
    const char *help;
    char letter; /* its short form; 0: none */
    double min, max;
    const char *choices;  /* "pth|safetensors|onnx" */
    const char *variable; /* of the environment; an empty one counts as none */
    const char *fallback; /* the value where neither says; NULL: `to` is left as it is */
    const char *absent;   /* and what that means, for the help */
    bool required;
    /* Takes the value instead, where it is not NULL; `as` is how the option is called where it comes from ("--port").
     * `text` is NULL of a switch. -1 with err: wrong usage. */
    int (*take)(const struct command_option *option, const char *as, const char *text, struct err *err);
};

/* A command that has others below it: each is called with its name as argv[0]. */
struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not told */
};

struct command_line {
    const char *command;  /* "client train"; "" of the program itself */
    const char *operands; /* "TYPE", as the usage line shows it; NULL: none */
    const char *summary;
    int min_operands, max_operands;         /* max -1: any number */
    const struct command_option *tables[3]; /* each ends with a row of zeros; NULL: none */
    const struct command *commands;         /* that are below it, NULL: none; ends with a row of zeros */
};

/* 0: go on, the operands are argv[*first] and what follows. Else help, the version or what is wrong was printed, and
 * *status is the exit code. */
int options_parse(const struct command_line *line, int argc, char **argv, int *first, int *status);

/* Runs the one of line->commands that the first operand names; options before it reach it like those behind it. Gives
 * its exit code. */
int options_run(const struct command_line *line, int argc, char **argv);

/* Prints what is wrong with the use of `command`; gives EXIT_USAGE. */
int options_wrong(const char *command, const struct err *err);

/* For who takes values by other ways too: whether a number is within its bounds, and whole where it is an OPTION_INT;
 * and the same of a text, which must be a decimal number. -1 with err, which calls the value `as`. */
int option_check_number(const char *as, double number, enum option_type type, double min, double max, struct err *err);
int option_number(const char *as, const char *text, enum option_type type, double min, double max, double *number,
                  struct err *err);
bool option_is_choice(const char *choices, const char *text);

#endif
