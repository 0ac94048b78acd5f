/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_screen.h - the terminal: drawing, keys, and leaving it as it was */
#ifndef CLI_TOP_SCREEN_H
#define CLI_TOP_SCREEN_H

#include "top_ui.h"

/**
 * Take the terminal.  From now on signals that end the program give it back first, and what is
 * written to standard error is kept until then.
 * @return false, with one line in @p err, if there is none or it cannot do what is needed
 */
bool top_screen_open(char err[RPCGATE_ERROR_SIZE]);
/** Give it back, and print what was kept. */
void top_screen_close(void);
/** Draw everything.  The lock is held. */
void top_screen_draw(struct top_ui *ui);
/** Wait for a key, a while; TOP_KEY_NONE if there is none. */
int top_screen_key(void);
/** The number of a signal that asks for the end, or 0. */
int top_screen_signal(void);

#endif
