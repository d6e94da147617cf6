/* The commands of `dcls client`: argv[0] is the command's name, the result the exit code. */
#ifndef DCLS_CLIENT_COMMANDS_H
#define DCLS_CLIENT_COMMANDS_H

int client_train(int argc, char **argv);
int client_infer(int argc, char **argv);
int client_nodes(int argc, char **argv);
int client_models(int argc, char **argv);
int client_images(int argc, char **argv);
int client_jobs(int argc, char **argv);
int client_report(int argc, char **argv);
int client_log(int argc, char **argv);
int client_export(int argc, char **argv);
int client_watch(int argc, char **argv);
int client_cancel(int argc, char **argv);
int client_forget(int argc, char **argv);
int client_rm(int argc, char **argv);

#endif
