/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command.h - what a command of the program is */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/** Exit status; scripts rely on them. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_RUN_TIME = 1,   /**< failure at run time */
	EXIT_USAGE = 2,      /**< wrong usage */
	EXIT_CONFIG = 3,     /**< bad configuration or policy */
	EXIT_INPUT = 4,      /**< an input unreadable or cut short; partial results were printed */
	EXIT_VIOLATIONS = 10 /**< violations found, only where asked for */
};

/** Commands get their arguments without the program's and their own name. */
int command_analyze(int argc, char **argv);
int command_check(int argc, char **argv);
int command_ctl(int argc, char **argv);
int command_iface(int argc, char **argv);
int command_run(int argc, char **argv);
int command_suggest(int argc, char **argv);
int command_top(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_why(int argc, char **argv);

#endif
