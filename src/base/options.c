/* Parsing by getopt_long, and the help, from the same tables. */
#include "dcls/base/options.h"

#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dcls/version.h"

#define OPTIONS_MAX 64  /* of a command */
#define HELP_COLUMN 30  /* where explanations begin at most */
#define HELP_WIDTH 100  /* where there is no terminal */
#define HELP_WIDEST 120 /* on any terminal */

enum { VALUE_FIRST = 256 }; /* what getopt_long gives for option i is i more */

static const struct command_option universal[] = {
    { "help", OPTION_SWITCH, .letter = 'h', .help = "print this and end" },
    { "version", OPTION_SWITCH, .letter = 'V', .help = "print the version and end" },
    { 0 },
};
#define UNIVERSAL 2 /* they stand behind all others */

/* All options of a command. */
struct rows {
    const struct command_option *row[OPTIONS_MAX];
    int count;
};

static void add_table(struct rows *rows, const struct command_option *table)
{
    for (; table && table->flag; table++) {
        assert(rows->count < OPTIONS_MAX);
        rows->row[rows->count++] = table;
    }
}

static void list_rows(const struct command_line *line, struct rows *rows)
{
    rows->count = 0;
    for (size_t i = 0; i < sizeof line->tables / sizeof *line->tables; i++)
        add_table(rows, line->tables[i]);
    add_table(rows, universal);
}

/* Help */

static int help_width(FILE *out)
{
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col <= HELP_COLUMN)
        return HELP_WIDTH;
    return size.ws_col < HELP_WIDEST ? size.ws_col : HELP_WIDEST;
}

/* Prints words in lines that begin at `indent`; the first begins at `column`. */
static void print_wrapped(FILE *out, const char *text, int column, int indent)
{
    int width = help_width(out);
    fprintf(out, "%*s", indent - column, "");
    for (column = indent; *text;) {
        int size = (int)strcspn(text, " ");
        if (column > indent && column + 1 + size > width) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            column += fprintf(out, " ");
        }
        column += fprintf(out, "%.*s", size, text);
        text += size + strspn(text + size, " ");
    }
    fprintf(out, "\n");
}

static const char *placeholder(const struct command_option *option)
{
    if (option->value)
        return option->value;
    switch (option->type) {
    case OPTION_TEXT: return "TEXT";
    case OPTION_CHOICE: return option->choices;
    case OPTION_INT: return "N";
    case OPTION_NUMBER: return "X";
    case OPTION_SWITCH: break;
    }
    return "";
}

/* "-o, --output FILE" */
static int label(const struct command_option *option, char *text, size_t size)
{
    const char letter[] = { '-', option->letter, ',', ' ', '\0' }, *value = placeholder(option);
    return snprintf(text, size, "%s--%s%s%s", option->letter ? letter : "", option->flag, *value ? " " : "", value);
}

static void print_option(FILE *out, const struct command_option *option, int indent)
{
    char text[512];
    label(option, text, sizeof text);
    int column = fprintf(out, "  %s", text);
    if (column + 2 > indent) {
        fprintf(out, "\n");
        column = 0;
    }
    const char *dollar = option->variable ? "$" : "", *variable = option->variable ? option->variable : "";
    const char *absent = option->fallback ? option->fallback : option->absent ? option->absent : "";
    if (*variable || *absent)
        snprintf(text, sizeof text, "%s (default: %s%s%s%s)", option->help, dollar, variable,
                 *variable && *absent ? ", else " : "", absent);
    else
        snprintf(text, sizeof text, "%s", option->help);
    print_wrapped(out, text, column, indent);
}

static void print_help(FILE *out, const struct command_line *line)
{
    const char *space = *line->command ? " " : "";
    fprintf(out, "usage: dcls%s%s%s%s [OPTION...]\n\n", space, line->command, line->operands ? " " : "",
            line->operands ? line->operands : "");
    print_wrapped(out, line->summary, 0, 0);
    fprintf(out, "\n");
    for (const struct command *command = line->commands; command && command->name; command++)
        if (command->summary)
            fprintf(out, "  %-8s %s\n", command->name, command->summary);
    if (line->commands)
        fprintf(out, "\n'dcls%s%s COMMAND --help' tells more.\n\n", space, line->command);
    struct rows rows;
    char text[512];
    int indent = 0;
    list_rows(line, &rows);
    for (int i = 0; i < rows.count; i++) {
        int needed = 4 + label(rows.row[i], text, sizeof text);
        if (needed > indent && needed <= HELP_COLUMN)
            indent = needed;
    }
    for (int i = 0; i < rows.count; i++)
        print_option(out, rows.row[i], indent);
}

int options_wrong(const char *command, const struct err *err)
{
    fprintf(stderr, "dcls: %s (see 'dcls %s%s--help')\n", err->text, command, *command ? " " : "");
    return EXIT_USAGE;
}

/* Values */

#define WANTED "it must be a %snumber from %.16g to %.16g"
#define WHOLE(type) ((type) == OPTION_INT ? "whole " : "")

int option_check_number(const char *as, double number, enum option_type type, double min, double max, struct err *err)
{
    bool fits = number >= min && number <= max;
    if (fits && (type == OPTION_NUMBER || number == floor(number)))
        return 0;
    return err_set(err, "'%s' is %.16g: " WANTED, as, number, WHOLE(type), min, max);
}

int option_number(const char *as, const char *text, enum option_type type, double min, double max, double *number,
                  struct err *err)
{
    /* strtod alone would also take spaces, hexadecimal, "inf" and "nan". */
    char *end = NULL;
    size_t size = strlen(text);
    *number = strtod(text, &end);
    if (size == 0 || *end || strspn(text, "0123456789.eE+-") != size)
        return err_set(err, "'%s' is '%s': " WANTED, as, text, WHOLE(type), min, max);
    return option_check_number(as, *number, type, min, max, err);
}

bool option_is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (const char *choice = choices; choice; choice = strchr(choice, '|')) {
        choice += *choice == '|';
        if (strcspn(choice, "|") == size && !strncmp(choice, text, size))
            return true;
    }
    return false;
}

static int take(const struct command_option *option, const char *as, const char *text, struct err *err)
{
    double number;
    assert(option->take || option->to);
    if (option->take)
        return option->take(option, as, text, err);
    switch (option->type) {
    case OPTION_SWITCH: *(bool *)option->to = true; return 0;
    case OPTION_INT:
    case OPTION_NUMBER:
        if (option_number(as, text, option->type, option->min, option->max, &number, err))
            return -1;
        if (option->type == OPTION_NUMBER) {
            *(double *)option->to = number;
        } else {
            assert(option->min >= INT_MIN && option->max <= INT_MAX);
            *(int *)option->to = (int)number;
        }
        return 0;
    case OPTION_CHOICE:
        if (!option_is_choice(option->choices, text))
            return err_set(err, "'%s' is '%s': it must be one of %s", as, text, option->choices);
        break;
    case OPTION_TEXT:
        if (!*text)
            return err_set(err, "'%s' is empty", as);
        break;
    }
    *(const char **)option->to = text;
    return 0;
}

/* What the command line did not give. */
static int take_absent(const struct command_option *option, struct err *err)
{
    char as[64];
    const char *value = option->variable ? getenv(option->variable) : NULL;
    if (value && *value) {
        snprintf(as, sizeof as, "$%s", option->variable);
        return take(option, as, value, err);
    }
    if (option->required)
        return err_set(err, "--%s is needed", option->flag);
    int failed = option->fallback ? take(option, option->flag, option->fallback, err) : 0;
    assert(!failed);
    return failed;
}

/* Parsing */

/* As getopt_long wants them. */
struct flags {
    struct option longer[OPTIONS_MAX + 1];
    char letters[2 + 2 * OPTIONS_MAX + 1];
};

static void list_flags(const struct rows *rows, bool only_before_operands, struct flags *flags)
{
    char *letter = stpcpy(flags->letters, only_before_operands ? "+:" : ":");
    for (int i = 0; i < rows->count; i++) {
        const struct command_option *option = rows->row[i];
        bool is_switch = option->type == OPTION_SWITCH;
        flags->longer[i] =
            (struct option){ option->flag, is_switch ? no_argument : required_argument, NULL, VALUE_FIRST + i };
        if (option->letter)
            *letter++ = option->letter;
        if (option->letter && !is_switch)
            *letter++ = ':';
    }
    flags->longer[rows->count] = (struct option){ 0 };
    *letter = '\0';
}

/* Which option getopt_long gave, by its flag or its letter; -1: none. */
static int index_of(const struct rows *rows, int found)
{
    for (int i = 0; i < rows->count; i++)
        if (found == VALUE_FIRST + i || found == rows->row[i]->letter)
            return i;
    return -1;
}

static int refuse(int found, const char *argument, struct err *err)
{
    if (found == ':')
        return err_set(err, "option '%s' needs a value", argument);
    if (optopt >= VALUE_FIRST)
        return err_set(err, "option '%s' takes no value", argument);
    if (optopt)
        return err_set(err, "unknown option '-%c'", optopt);
    return err_set(err, "unknown option '%s'", argument);
}

/* Takes what stands there, up to a --help or --version. */
static int take_flags(const struct command_line *line, const struct rows *rows, int argc, char **argv, bool *given,
                      struct err *err)
{
    struct flags flags;
    list_flags(rows, line->commands, &flags);
    opterr = 0;
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, flags.letters, flags.longer, NULL)) != -1;) {
        int i = index_of(rows, found);
        if (i < 0)
            return refuse(found, argv[optind - 1], err);
        given[i] = true;
        if (i >= rows->count - UNIVERSAL)
            return 0;
        char as[64];
        snprintf(as, sizeof as, "--%s", rows->row[i]->flag);
        if (take(rows->row[i], as, optarg, err))
            return -1;
    }
    return 0;
}

static int check_operands(const struct command_line *line, int count, char **operands, const char *name,
                          struct err *err)
{
    if (count < line->min_operands)
        return err_set(err, "%s needs %s", name, line->operands);
    if (line->max_operands >= 0 && count > line->max_operands)
        return err_set(err, "unexpected '%s'", operands[line->max_operands]);
    return 0;
}

int options_parse(const struct command_line *line, int argc, char **argv, int *first, int *status)
{
    struct err err = ERR_INIT;
    struct rows rows;
    bool given[OPTIONS_MAX] = { false };
    list_rows(line, &rows);
    int failed = take_flags(line, &rows, argc, argv, given, &err);
    *first = optind;
    *status = EXIT_DONE;
    if (!failed && given[rows.count - 2]) {
        print_help(stdout, line);
        return -1;
    }
    if (!failed && given[rows.count - 1]) {
        puts("dcls " DCLS_VERSION);
        return -1;
    }
    /* Above other commands what is not given is theirs to take. */
    for (int i = 0; !failed && !line->commands && i < rows.count - UNIVERSAL; i++)
        if (!given[i])
            failed = take_absent(rows.row[i], &err);
    if (!failed && !line->commands)
        failed = check_operands(line, argc - *first, argv + *first, argv[0], &err);
    if (failed)
        *status = options_wrong(line->command, &err);
    return failed;
}

int options_run(const struct command_line *line, int argc, char **argv)
{
    struct err err = ERR_INIT;
    int first, status;
    if (options_parse(line, argc, argv, &first, &status))
        return status;
    if (first == argc) {
        print_help(stderr, line);
        return EXIT_USAGE;
    }
    char *name = argv[first];
    for (const struct command *command = line->commands; command->name; command++)
        if (!strcmp(name, command->name)) {
            memmove(argv + 2, argv + 1, (size_t)(first - 1) * sizeof *argv);
            argv[1] = name;
            return command->run(argc - 1, argv + 1);
        }
    err_set(&err, "unknown command '%s'", name);
    return options_wrong(line->command, &err);
}
