/* Command lines: where a value comes from, what is asked of it, what is said of one that is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/options.h"

struct values {
    const char *host, *format, *name;
    int port, top;
    double rate;
    bool loud;
};

struct parsed {
    struct values values;
    int result, first, status;
    char out[4096], err[512]; /* what was printed */
};

static int take_upper(const struct command_option *option, const char *as, const char *text, struct err *err)
{
    if (*text < 'A' || *text > 'Z')
        return err_set(err, "'%s' is '%s': it must begin with a capital", as, text);
    *(const char **)option->to = text;
    return 0;
}

/* stdout or stderr goes to a file until it is given back. */
static int divert(FILE *stream, FILE *to)
{
    fflush(stream);
    int kept = dup(fileno(stream));
    assert_true(kept >= 0 && dup2(fileno(to), fileno(stream)) >= 0);
    return kept;
}

static void give_back(FILE *stream, int kept, FILE *from, char *text, size_t size)
{
    fflush(stream);
    assert_true(dup2(kept, fileno(stream)) >= 0);
    close(kept);
    rewind(from);
    text[fread(text, 1, size - 1, from)] = '\0';
    fclose(from);
}

#define ARGUMENTS_MAX 16

static int split(char *text, char **argv)
{
    int argc = 0;
    for (char *rest = text, *word; (word = strsep(&rest, " "));) {
        assert_true(argc < ARGUMENTS_MAX);
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return argc;
}

/* Parses "NAME ARGUMENT ..." with options of each kind; the words live in a static buffer until the next call. */
static const struct parsed *parse(const char *words)
{
    static struct parsed parsed;
    static char text[512];
    char *argv[ARGUMENTS_MAX + 1];
    struct values *values = &parsed.values;
    const struct command_option own[] = {
        { "host", OPTION_TEXT, "HOST", &values->host, .help = "where", .variable = "T_HOST", .fallback = "localhost" },
        { "port", OPTION_INT, "PORT", &values->port, .help = "which", .min = 1, .max = 65535, .variable = "T_PORT",
          .fallback = "8000", .letter = 'p' },
        { 0 },
    };
    const struct command_option more[] = {
        { "rate", OPTION_NUMBER, NULL, &values->rate, .help = "how fast", .max = 0.5, .absent = "as it comes" },
        { "top", OPTION_INT, NULL, &values->top, .help = "how many", .min = -3, .max = 3 },
        { "format", OPTION_CHOICE, NULL, &values->format, .help = "how", .choices = "pth|onnx" },
        { "name", OPTION_TEXT, "NAME", &values->name, .help = "who", .take = take_upper, .variable = "T_NAME" },
        { "loud", OPTION_SWITCH, NULL, &values->loud, .help = "whether", .letter = 'l' },
        { 0 },
    };
    const struct command_line line = { .command = "test",
                                       .operands = "FILE...",
                                       .summary = "Does nothing.",
                                       .min_operands = 1,
                                       .max_operands = 2,
                                       .tables = { own, NULL, more } };
    snprintf(text, sizeof text, "%s", words);
    parsed = (struct parsed){ .first = -1, .status = -1 };
    FILE *files[] = { tmpfile(), tmpfile() };
    assert_true(files[0] && files[1]);
    int argc = split(text, argv), kept[] = { divert(stdout, files[0]), divert(stderr, files[1]) };
    parsed.result = options_parse(&line, argc, argv, &parsed.first, &parsed.status);
    give_back(stdout, kept[0], files[0], parsed.out, sizeof parsed.out);
    give_back(stderr, kept[1], files[1], parsed.err, sizeof parsed.err);
    return &parsed;
}

static const struct values *taken(const char *words)
{
    const struct parsed *parsed = parse(words);
    if (parsed->result)
        fail_msg("'%s': %s", words, parsed->err);
    assert_string_equal(parsed->out, "");
    assert_string_equal(parsed->err, "");
    return &parsed->values;
}

static void refused(const char *words, const char *reason)
{
    char line[600];
    const struct parsed *parsed = parse(words);
    snprintf(line, sizeof line, "dcls: %s (see 'dcls test --help')\n", reason);
    assert_int_equal(parsed->result, -1);
    assert_int_equal(parsed->status, EXIT_USAGE);
    assert_string_equal(parsed->err, line);
    assert_string_equal(parsed->out, "");
}

static int setup(void **state)
{
    (void)state;
    unsetenv("T_HOST");
    unsetenv("T_PORT");
    unsetenv("T_NAME");
    return 0;
}

static void a_value_comes_from_the_command_line_else_the_environment_else_the_table(void **state)
{
    (void)state;
    assert_string_equal(taken("t x")->host, "localhost");
    assert_int_equal(taken("t x")->port, 8000);
    setenv("T_HOST", "there", 1);
    setenv("T_PORT", "1", 1);
    assert_string_equal(taken("t x")->host, "there");
    assert_int_equal(taken("t x")->port, 1);
    assert_string_equal(taken("t x --host here")->host, "here");
    assert_int_equal(taken("t x --port=2 --port 3")->port, 3);
    setenv("T_HOST", "", 1);
    assert_string_equal(taken("t x")->host, "localhost");
}

static void what_nobody_gives_is_left_as_it_is(void **state)
{
    (void)state;
    const struct values *values = taken("t x");
    assert_null(values->format);
    assert_null(values->name);
    assert_false(values->loud);
    assert_true(values->rate == 0);
}

static void each_kind_of_value_is_taken(void **state)
{
    (void)state;
    const struct values *values = taken("t x --rate 0.25 --top -3 --format onnx --name N --loud");
    assert_true(values->rate == 0.25);
    assert_int_equal(values->top, -3);
    assert_string_equal(values->format, "onnx");
    assert_string_equal(values->name, "N");
    assert_true(values->loud);
    assert_true(taken("t x --rate 5e-1")->rate == 0.5);
    values = taken("t -lp7 x");
    assert_true(values->loud);
    assert_int_equal(values->port, 7);
}

static void a_value_of_the_environment_is_called_by_its_variable(void **state)
{
    (void)state;
    setenv("T_PORT", "x", 1);
    refused("t x", "'$T_PORT' is 'x': it must be a whole number from 1 to 65535");
    assert_int_equal(taken("t x --port 5")->port, 5);
    refused("t x --port 0", "'--port' is 0: it must be a whole number from 1 to 65535");
    unsetenv("T_PORT");
    setenv("T_NAME", "small", 1);
    refused("t x", "'$T_NAME' is 'small': it must begin with a capital");
    refused("t x --name n", "'--name' is 'n': it must begin with a capital");
}

static void what_is_no_value_is_refused_by_name_with_what_is_wanted(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "x", "1x", "nan", "inf", "0x10", "1e999", "--5", "1,5", ".", "1.5", "65536"
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char words[64];
        snprintf(words, sizeof words, "t x --port %s", numbers[i]);
        const struct parsed *parsed = parse(words);
        assert_int_equal(parsed->status, EXIT_USAGE);
        assert_non_null(strstr(parsed->err, numbers[i][0] == '1' && numbers[i][1] == 'e' ? "inf" : numbers[i]));
        assert_non_null(strstr(parsed->err, "'--port' is "));
    }
    refused("t x --port ", "'--port' is '': it must be a whole number from 1 to 65535");
    refused("t x --rate 0.51", "'--rate' is 0.51: it must be a number from 0 to 0.5");
    refused("t x --rate -1", "'--rate' is -1: it must be a number from 0 to 0.5");
    refused("t x --format pt", "'--format' is 'pt': it must be one of pth|onnx");
    refused("t x --format pth|onnx", "'--format' is 'pth|onnx': it must be one of pth|onnx");
    refused("t x --host ", "'--host' is empty");
}

static void what_getopt_finds_wrong_is_told_in_the_same_way(void **state)
{
    (void)state;
    refused("t x --nonsense", "unknown option '--nonsense'");
    refused("t x -lz", "unknown option '-z'");
    refused("t x --port", "option '--port' needs a value");
    refused("t x -p", "option '-p' needs a value");
    refused("t x --loud=1", "option '--loud=1' takes no value");
    refused("t", "t needs FILE...");
    refused("t a b c", "unexpected 'c'");
}

static void operands_may_stand_anywhere(void **state)
{
    (void)state;
    const struct parsed *parsed = parse("t a --loud b");
    assert_int_equal(parsed->result, 0);
    assert_int_equal(parsed->first, 2);
    assert_int_equal(parse("t --loud -- --port")->first, 3);
}

static void help_ends_before_anything_else_is_asked(void **state)
{
    (void)state;
    setenv("T_PORT", "x", 1);
    const struct parsed *parsed = parse("t --help --nonsense");
    assert_int_equal(parsed->result, -1);
    assert_int_equal(parsed->status, EXIT_DONE);
    assert_string_equal(parsed->err, "");
    assert_string_equal(parsed->out, "usage: dcls test FILE... [OPTION...]\n\n"
                                     "Does nothing.\n\n"
                                     "  --host HOST        where (default: $T_HOST, else localhost)\n"
                                     "  -p, --port PORT    which (default: $T_PORT, else 8000)\n"
                                     "  --rate X           how fast (default: as it comes)\n"
                                     "  --top N            how many\n"
                                     "  --format pth|onnx  how\n"
                                     "  --name NAME        who (default: $T_NAME)\n"
                                     "  -l, --loud         whether\n"
                                     "  -h, --help         print this and end\n"
                                     "  -V, --version      print the version and end\n");
    assert_int_equal(strncmp(parse("t -V")->out, "dcls ", 5), 0);
}

/* Commands below another */

static struct {
    char words[128];
    int first;
} called;

static int run_any(int argc, char **argv)
{
    *called.words = '\0';
    for (int i = 0; i < argc; i++)
        snprintf(called.words + strlen(called.words), sizeof called.words - strlen(called.words), "%s%s", i ? " " : "",
                 argv[i]);
    return 42;
}

static int run(const char *words, char *printed, size_t size)
{
    static const struct command commands[] = { { "one", run_any, "the first" }, { "two", run_any, NULL }, { 0 } };
    const char *host = NULL;
    const struct command_option table[] = { { "host", OPTION_TEXT, "HOST", &host, .help = "where" }, { 0 } };
    const struct command_line line = {
        .command = "", .operands = "COMMAND", .summary = "Runs.", .tables = { table }, .commands = commands
    };
    char text[128], *argv[ARGUMENTS_MAX + 1];
    snprintf(text, sizeof text, "%s", words);
    *called.words = '\0';
    FILE *file = tmpfile();
    assert_non_null(file);
    int argc = split(text, argv), kept = divert(stderr, file);
    int status = options_run(&line, argc, argv);
    give_back(stderr, kept, file, printed, size);
    return status;
}

static void a_command_gets_the_options_before_and_behind_its_name(void **state)
{
    (void)state;
    char printed[1024];
    assert_int_equal(run("dcls one", printed, sizeof printed), 42);
    assert_string_equal(called.words, "one");
    assert_int_equal(run("dcls --host h two --own -x", printed, sizeof printed), 42);
    assert_string_equal(called.words, "two --host h --own -x");
    assert_string_equal(printed, "");
}

static void no_command_or_an_unknown_one_is_wrong_usage(void **state)
{
    (void)state;
    char printed[1024];
    assert_int_equal(run("dcls three", printed, sizeof printed), EXIT_USAGE);
    assert_string_equal(printed, "dcls: unknown command 'three' (see 'dcls --help')\n");
    assert_int_equal(run("dcls", printed, sizeof printed), EXIT_USAGE);
    assert_non_null(strstr(printed, "usage: dcls COMMAND [OPTION...]\n"));
    assert_non_null(strstr(printed, "  one      the first\n"));
    assert_null(strstr(printed, "two"));
    assert_string_equal(called.words, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(a_value_comes_from_the_command_line_else_the_environment_else_the_table),
        TEST(what_nobody_gives_is_left_as_it_is),
        TEST(each_kind_of_value_is_taken),
        TEST(a_value_of_the_environment_is_called_by_its_variable),
        TEST(what_is_no_value_is_refused_by_name_with_what_is_wanted),
        TEST(what_getopt_finds_wrong_is_told_in_the_same_way),
        TEST(operands_may_stand_anywhere),
        TEST(help_ends_before_anything_else_is_asked),
        TEST(a_command_gets_the_options_before_and_behind_its_name),
        TEST(no_command_or_an_unknown_one_is_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
