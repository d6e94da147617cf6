/* Parsing by getopt_long, and the help text, from one table a command: see args.h. */
#include "dcls/base/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 30 /* where an option's explanation begins */
#define HELP_WIDTH 100

enum { OPTION_HELP = 'h', OPTION_FIRST = 256, LETTERS_MAX = 16 };

static const struct arg_option common_options[] = {
    { "json", NULL, "print one JSON document and nothing else", NULL },
    { "api", "URL", "the broker's HTTP address", "$DCLS_API, else http://127.0.0.1:8001" },
    { "help", NULL, "print this and end (also -h)", NULL },
};
#define COMMON_COUNT (sizeof common_options / sizeof *common_options)

/* Prints words, broken into lines that begin at HELP_COLUMN; the first begins at `column`. */
static void print_wrapped(const char *text, int column)
{
    printf("%*s", HELP_COLUMN - column, "");
    for (column = HELP_COLUMN; *text;) {
        int size = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + size > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            column += printf(" ");
        }
        column += printf("%.*s", size, text);
        text += size + strspn(text + size, " ");
    }
    printf("\n");
}

/* The short form of an option by its place in the table; 0: none. */
static char letter_of(const struct args *args, size_t index)
{
    return args->letters && index < strlen(args->letters) ? args->letters[index] : '\0';
}

static void print_option(const struct arg_option *option, char letter)
{
    char text[256];
    char shorter[] = { '-', letter, ',', ' ', '\0' };
    int column = printf("  %s--%s%s%s", letter ? shorter : "", option->flag, option->value ? " " : "",
                        option->value ? option->value : "");
    if (column + 2 > HELP_COLUMN) {
        printf("\n");
        column = 0;
    }
    if (option->fallback)
        snprintf(text, sizeof text, "%s (default: %s)", option->help, option->fallback);
    else
        snprintf(text, sizeof text, "%s", option->help);
    print_wrapped(text, column);
}

static void print_help(const struct args *args, const char *command)
{
    printf("usage: dcls client %s%s%s [OPTION...]\n\n%s\n\n", command, *args->operands ? " " : "", args->operands,
           args->summary);
    for (size_t i = 0; i < args->option_count; i++)
        print_option(&args->options[i], letter_of(args, i));
    for (size_t i = 0; i < COMMON_COUNT; i++)
        print_option(&common_options[i], '\0');
}

int args_wrong(const char *command, const struct err *err)
{
    fprintf(stderr, "dcls: %s (see 'dcls client %s%s--help')\n", err->text, command, *command ? " " : "");
    return EXIT_USAGE;
}

int args_set_api(struct client *client, char *text, struct err *err)
{
    if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
        return err_set(err, "'%s' is no address of a broker: it starts with http:// or https://", text);
    for (size_t size = strlen(text); size > 0 && text[size - 1] == '/'; size--)
        text[size - 1] = '\0';
    client->api = text;
    return 0;
}

static int take(struct client *client, const struct args *args, size_t index, char *value, struct err *err)
{
    if (index < args->option_count)
        return args->take(args->arg, &args->options[index], value, err);
    const char *flag = common_options[index - args->option_count].flag;
    if (strcmp(flag, "api") == 0)
        return args_set_api(client, value, err);
    client->json = true;
    return 0;
}

/* The letters as getopt wants them: ":h", then those of the options that have one. */
static void list_letters(const struct args *args, char letters[2 + 2 * LETTERS_MAX + 1])
{
    char *end = letters;
    *end++ = ':';
    *end++ = OPTION_HELP;
    for (size_t i = 0; i < args->option_count && end < letters + 2 * LETTERS_MAX; i++) {
        if (!letter_of(args, i))
            continue;
        *end++ = letter_of(args, i);
        if (args->options[i].value)
            *end++ = ':';
    }
    *end = '\0';
}

/* What getopt_long gave; for a letter what it gives for that option's long form. */
static int option_of(const struct args *args, int given)
{
    for (size_t i = 0; given < OPTION_FIRST && i < args->option_count; i++)
        if (letter_of(args, i) == given)
            return (int)(OPTION_FIRST + i);
    return given;
}

int args_parse(struct client *client, const struct args *args, int argc, char **argv, int *first, int *status)
{
    struct err err = ERR_INIT;
    size_t count = args->option_count + COMMON_COUNT;
    struct option *table = calloc(count + 1, sizeof *table);
    if (!table) {
        err_set(&err, "no memory");
        *status = client_fail(&err);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const struct arg_option *option =
            i < args->option_count ? &args->options[i] : &common_options[i - args->option_count];
        table[i].name = option->flag;
        table[i].has_arg = option->value ? required_argument : no_argument;
        table[i].val = i == count - 1 ? OPTION_HELP : (int)(OPTION_FIRST + i);
    }

    int result = 0, letter;
    char letters[2 + 2 * LETTERS_MAX + 1];
    list_letters(args, letters);
    opterr = 0;
    optind = 0;
    while (result == 0 && (letter = getopt_long(argc, argv, letters, table, NULL)) != -1) {
        if (letter == OPTION_HELP) {
            print_help(args, argv[0]);
            *status = EXIT_DONE;
            free(table);
            return -1;
        }
        if (letter == ':')
            result = err_set(&err, "option '%s' needs a value", argv[optind - 1]);
        else if (letter == '?' && optopt > 0 && optopt < OPTION_FIRST)
            result = err_set(&err, "unknown option '-%c'", optopt);
        else if (letter == '?')
            result = err_set(&err, "unknown option '%s'", argv[optind - 1]);
        else
            result = take(client, args, (size_t)(option_of(args, letter) - OPTION_FIRST), optarg, &err);
    }
    free(table);
    int operands = argc - optind;
    if (result == 0 && operands < args->min_operands)
        result = err_set(&err, "%s needs %s", argv[0], args->operands);
    if (result == 0 && args->max_operands >= 0 && operands > args->max_operands)
        result = err_set(&err, "unexpected '%s'", argv[optind + args->max_operands]);
    if (result < 0)
        *status = args_wrong(argv[0], &err);
    *first = optind;
    return result;
}
