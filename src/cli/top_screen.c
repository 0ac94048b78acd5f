/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>
#undef tab /* a capability of terminals to term.h */

#include "top_columns.h"
#include "top_screen.h"

#define WAIT_MS 200
#define ESCAPE_MS 25 /* a key that begins with Esc has come as a whole by then */
#define HEAD_ROWS 4  /* title, totals, tabs, titles of columns */
#define FOOT_ROWS 2  /* state, keys */
#define LEAST_ROWS 8
#define LEAST_COLUMNS 20
#define GAP 2
#define RESTORE 64
#define REDRAW 12 /* Ctrl-L */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PAIR_BAD = 1, PAIR_GOOD, PAIR_HEAD };

/* What a handler of signals needs to know; there is one terminal */
static struct {
	volatile sig_atomic_t signal;
	struct termios before;
	char restore[RESTORE]; /* the terminal's own words for its first screen and the cursor */
	size_t n_restore;
	int err; /* standard error as it was; -1: it is in place */
	int kept;
	FILE *keys;
	SCREEN *screen;
	bool colour;
	bool utf8;
	bool two_screens;
} terminal = { .err = -1, .kept = -1 };

/* ------------------------------------------------------------------------ signals */

static void on_end(int number)
{
	terminal.signal = number;
}

/* Something is broken: put the terminal right with what a handler may call, then go on dying. */
static void on_crash(int number)
{
	(void)!write(STDOUT_FILENO, terminal.restore, terminal.n_restore);
	tcsetattr(STDOUT_FILENO, TCSANOW, &terminal.before);
	if (terminal.err >= 0)
		dup2(terminal.err, STDERR_FILENO);
	raise(number); /* SA_RESETHAND: this time it is the system's */
}

static void catch_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct sigaction end = { .sa_handler = on_end };
	struct sigaction crash = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < COUNT(ends); i++)
		sigaction(ends[i], &end, NULL);
	for (size_t i = 0; i < COUNT(crashes); i++)
		sigaction(crashes[i], &crash, NULL);
}

int top_screen_signal(void)
{
	return terminal.signal;
}

/* ------------------------------------------------------------- opening and closing */

/* Whatever is said meanwhile would be written across the tables. */
static void keep_messages(void)
{
	fflush(stderr);
	terminal.kept = memfd_create("messages", MFD_CLOEXEC);
	terminal.err = terminal.kept >= 0 ? dup(STDERR_FILENO) : -1;
	if (terminal.err >= 0)
		dup2(terminal.kept, STDERR_FILENO);
}

static void tell_messages(void)
{
	char octets[4096];
	ssize_t n;

	if (terminal.err < 0)
		return;
	fflush(stderr);
	dup2(terminal.err, STDERR_FILENO);
	lseek(terminal.kept, 0, SEEK_SET);
	while ((n = read(terminal.kept, octets, sizeof(octets))) > 0)
		fwrite(octets, 1, (size_t)n, stderr);
	close(terminal.err);
	close(terminal.kept);
	terminal.err = terminal.kept = -1;
}

static bool remember_word(const char *name)
{
	const char *word = tigetstr(name);
	size_t n = word && word != (const char *)-1 ? strlen(word) : 0;

	if (!n || terminal.n_restore + n > sizeof(terminal.restore))
		return false;
	memcpy(terminal.restore + terminal.n_restore, word, n);
	terminal.n_restore += n;
	return true;
}

static void start_colours(void)
{
	const char *unwanted = getenv("NO_COLOR");

	if ((unwanted && *unwanted) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	init_pair(PAIR_BAD, COLOR_RED, -1);
	init_pair(PAIR_GOOD, COLOR_GREEN, -1);
	init_pair(PAIR_HEAD, COLOR_CYAN, -1);
	terminal.colour = true;
}

/* Keys come from the terminal, also where standard input is a capture */
static bool open_keys(char err[RPCGATE_ERROR_SIZE])
{
	terminal.keys = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
	if (terminal.keys)
		return true;
	snprintf(err, RPCGATE_ERROR_SIZE, "there is no terminal for keys: %s", strerror(errno));
	return false;
}

bool top_screen_open(char err[RPCGATE_ERROR_SIZE])
{
	const char *name = getenv("TERM");

	if (!open_keys(err))
		return false;
	tcgetattr(STDOUT_FILENO, &terminal.before);
	setlocale(LC_CTYPE, "");
	terminal.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	terminal.screen = name ? newterm(NULL, stdout, terminal.keys) : NULL;
	if (!terminal.screen) {
		snprintf(err, RPCGATE_ERROR_SIZE, "the terminal %.60s is not known: TERM says so",
			 name && *name ? name : "without a name");
		return false;
	}
	remember_word("rmkx");
	remember_word("cnorm");
	terminal.two_screens = remember_word("rmcup");
	keep_messages();
	catch_signals();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	timeout(WAIT_MS);
	curs_set(0);
	start_colours();
	return true;
}

void top_screen_close(void)
{
	if (!terminal.screen)
		return;
	/* where there is no other screen to go back to, the last table is in the way */
	if (!terminal.two_screens) {
		erase();
		refresh();
	}
	endwin();
	delscreen(terminal.screen);
	terminal.screen = NULL;
	if (terminal.keys != stdin)
		fclose(terminal.keys);
	tell_messages();
}

/* --------------------------------------------------------------------------- keys */

int top_screen_key(void)
{
	static const struct {
		int curses;
		int key;
	} table[] = {
		{ KEY_UP, TOP_KEY_UP },         { KEY_DOWN, TOP_KEY_DOWN },
		{ KEY_LEFT, TOP_KEY_LEFT },     { KEY_RIGHT, TOP_KEY_RIGHT },
		{ KEY_PPAGE, TOP_KEY_PAGE_UP }, { KEY_NPAGE, TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, TOP_KEY_HOME },     { KEY_END, TOP_KEY_END },
		{ KEY_BTAB, TOP_KEY_BACK_TAB }, { KEY_ENTER, TOP_KEY_ENTER },
		{ '\r', TOP_KEY_ENTER },        { KEY_BACKSPACE, TOP_KEY_ERASE },
		{ '\b', TOP_KEY_ERASE },
	};
	int key = getch();

	if (key == REDRAW)
		clearok(stdscr, TRUE);
	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].curses == key)
			return table[i].key;
	return key > 0 && key <= TOP_KEY_ERASE ? key : TOP_KEY_NONE;
}

/* ------------------------------------------------------------------------ drawing */

static void look(attr_t attributes)
{
	attrset((int)attributes);
}

static attr_t colour(int pair)
{
	return terminal.colour ? (attr_t)COLOR_PAIR(pair) : 0;
}

/* A text, cut; a line that is reversed is so to its end */
static void put_line(int y, attr_t attributes, const char *text)
{
	look(attributes);
	mvaddnstr(y, 0, text, COLS);
	if (attributes & A_REVERSE)
		for (int x = getcurx(stdscr); getcury(stdscr) == y && x < COLS; x++)
			addch(' ');
	look(A_NORMAL);
}

static void draw_tabs(const struct top_ui *ui, int y)
{
	move(y, 0);
	for (size_t i = 0; i < TOP_TABS; i++) {
		const struct top_model *model = &ui->top->model;
		char text[64];

		snprintf(text, sizeof(text), "%c%zu %s %zu%c", i == ui->tab ? '[' : ' ', i + 1,
			 model->table[i].name, model->view[i].n, i == ui->tab ? ']' : ' ');
		look(i == ui->tab ? A_BOLD | colour(PAIR_HEAD) : A_NORMAL);
		addnstr(text, COLS - getcurx(stdscr));
		look(A_NORMAL);
		if (getcurx(stdscr) + 1 >= COLS || getcury(stdscr) != y)
			return;
		addch(' ');
	}
}

static const char *sort_mark(bool descending)
{
	if (terminal.utf8)
		return descending ? "\xe2\x96\xbc" : "\xe2\x96\xb2";
	return descending ? "v" : "^";
}

static void draw_title(const struct top_ui *ui, size_t column, int y, int x)
{
	const struct top_column *c = &ui->top->model.table[ui->tab].column[column];
	const struct top_view *view = &ui->top->model.view[ui->tab];
	bool sorted = view->sort == column;
	int width = (int)view->width[column];
	int n = (int)strlen(c->title);

	if (n + sorted > width)
		n = width - sorted;
	if (top_column_is_right(c))
		x += width - n - sorted;
	mvaddnstr(y, x, c->title, n);
	if (sorted)
		addstr(sort_mark(view->descending));
}

static attr_t cell_colour(const struct top_ui *ui, size_t column, const char *text)
{
	if (ui->tab == TOP_REFUSED && column == REFUSED_REASON)
		return colour(PAIR_BAD);
	if (ui->tab == TOP_SERVICES && column == SERVICE_GRANTED && strcmp(text, "granted") == 0)
		return colour(PAIR_GOOD);
	return A_NORMAL;
}

static void draw_cell(const struct top_ui *ui, const struct top_row *row, size_t column, int y,
		      int x, attr_t attributes)
{
	const struct top_model *model = &ui->top->model;
	const struct top_table *table = &model->table[ui->tab];
	int width = (int)model->view[ui->tab].width[column];
	char text[TOP_CELL];
	const char *shown = top_cell_show(model, table, row, column, text);
	int n = (int)strlen(shown);

	look(attributes ? attributes : cell_colour(ui, column, shown));
	if (n <= width) {
		mvaddstr(y, top_column_is_right(&table->column[column]) ? x + width - n : x, shown);
		return;
	}
	mvaddnstr(y, x, shown, width - 1);
	addstr(terminal.utf8 ? "\xe2\x80\xa6" : "~");
}

static void draw_row(const struct top_ui *ui, const struct top_row *row, int y, bool at_cursor)
{
	const struct top_view *view = &ui->top->model.view[ui->tab];
	attr_t attributes = at_cursor ? A_REVERSE : A_NORMAL;
	char marks[3] = { at_cursor ? '>' : ' ', row->marked ? '*' : ' ', '\0' };
	int x = 2;

	put_line(y, attributes, marks);
	for (size_t i = 0; i < ui->top->model.table[ui->tab].n_columns; i++) {
		if (!view->width[i])
			continue;
		draw_cell(ui, row, i, y, x, attributes);
		x += (int)view->width[i] + GAP;
	}
	look(A_NORMAL);
}

static void draw_table(const struct top_ui *ui, int y, size_t rows)
{
	const struct top_view *view = &ui->top->model.view[ui->tab];
	int x = 2;

	look(A_BOLD | A_UNDERLINE);
	for (size_t i = 0; i < ui->top->model.table[ui->tab].n_columns; i++) {
		if (!view->width[i])
			continue;
		draw_title(ui, i, y, x);
		x += (int)view->width[i] + GAP;
	}
	look(A_NORMAL);
	for (size_t i = 0; i < rows && view->first + i < view->n; i++)
		draw_row(ui, view->shown[view->first + i], y + 1 + (int)i,
			 view->first + i == view->cursor);
}

static void draw_pane(const struct top_ui *ui, int y, size_t rows)
{
	const char *at = ui->pane;

	for (size_t i = 0; at && i < ui->pane_first + rows; i++) {
		const char *end = strchr(at, '\n');
		size_t n = end ? (size_t)(end - at) : strlen(at);

		if (i >= ui->pane_first)
			mvaddnstr(y + (int)(i - ui->pane_first), 0, at,
				  n < (size_t)COLS ? (int)n : COLS);
		at = end ? end + 1 : NULL;
	}
}

static void draw_columns(const struct top_ui *ui, int y, size_t rows)
{
	const struct top_table *table = &ui->top->model.table[ui->tab];
	const struct top_view *view = &ui->top->model.view[ui->tab];

	for (size_t i = 0; i < table->n_columns && i < rows; i++) {
		char text[128];

		snprintf(text, sizeof(text), "%c [%c] %-20s %s", i == ui->chosen ? '>' : ' ',
			 view->hidden >> i & 1 ? ' ' : 'x', table->column[i].title,
			 table->column[i].help);
		put_line(y + (int)i, i == ui->chosen ? A_REVERSE : A_NORMAL, text);
	}
}

/* "KEY:what", the key bold */
static void draw_keys(const struct top_ui *ui, int y)
{
	char text[TOP_MESSAGE];
	const char *at = top_ui_keys(ui, text);
	int x = 0;

	while (*at && x < COLS) {
		int word = (int)strcspn(at, " ");
		int key = (int)strcspn(at, ":");

		look(A_BOLD | colour(PAIR_HEAD));
		mvaddnstr(y, x, at, key < COLS - x ? key : COLS - x);
		look(A_NORMAL);
		x += key;
		if (x < COLS && word > key)
			mvaddnstr(y, x, at + key, word - key < COLS - x ? word - key : COLS - x);
		x += word - key + 1;
		at += word + (at[word] == ' ');
	}
}

void top_screen_draw(struct top_ui *ui)
{
	size_t rows = LINES > HEAD_ROWS + FOOT_ROWS ? (size_t)(LINES - HEAD_ROWS - FOOT_ROWS) : 0;
	char text[TOP_MESSAGE];

	top_ui_refresh(ui, rows, (size_t)COLS);
	erase();
	if (LINES < LEAST_ROWS || COLS < LEAST_COLUMNS) {
		put_line(0, A_NORMAL, "too small");
		refresh();
		return;
	}
	put_line(0, A_REVERSE | (top_ui_in_trouble(ui) ? colour(PAIR_BAD) : 0),
		 top_ui_title(ui, text));
	put_line(1, A_NORMAL, top_ui_totals(ui, text));
	draw_tabs(ui, 2);
	if (ui->mode == TOP_PANE)
		draw_pane(ui, HEAD_ROWS, rows);
	else if (ui->mode == TOP_CHOOSE)
		draw_columns(ui, HEAD_ROWS, rows);
	else
		draw_table(ui, HEAD_ROWS - 1, rows);
	put_line(LINES - 2, A_BOLD, top_ui_state(ui, text));
	draw_keys(ui, LINES - 1);
	refresh();
}
