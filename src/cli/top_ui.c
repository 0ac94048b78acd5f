/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"
#include "top_columns.h"
#include "top_ui.h"
#include "words.h"

#define NS_PER_S UINT64_C(1000000000)
#define MESSAGE_NS (5 * NS_PER_S)
#define SILENT_NS (5 * NS_PER_S) /* a daemon that takes longer to answer is in trouble */
#define SHOWN 128                /* octets of a file name on the screen */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char help_text[] =
	"rpcgate top shows what is open, what is announced, and what was refused.\n"
	"\n"
	"Tabs\n"
	"  1 to 5, Tab, Shift-Tab   Pinholes, Services, Refused, Servers, Engine\n"
	"  Up Down PgUp PgDn        move; Home: first row, End: last row\n"
	"\n"
	"What a tab shows\n"
	"  < > or Left Right        sort by the column before, or the next one\n"
	"  r                        turn the order round\n"
	"  /                        only rows with this text; Esc: all rows again\n"
	"  c                        columns on and off\n"
	"  p                        stand still, go on; so does the clock of a replay\n"
	"\n"
	"Rows\n"
	"  Enter                    the row as a whole, and the story of its hosts: what\n"
	"                           was asked, told, opened and bound, the verdict,\n"
	"                           its reason and rule\n"
	"  Space                    mark a row\n"
	"  s                        save marked rows, or all shown, as lines of JSON\n"
	"  k                        close the pinhole (of a daemon), after a question\n"
	"\n"
	"Replay of captures\n"
	"  n                        do not wait for the next packet\n"
	"  + -                      twice as fast, half as fast\n"
	"\n"
	"  ? this   q quit\n";

void top_ui_init(struct top_ui *ui, struct top *top)
{
	*ui = (struct top_ui){ .top = top, .rows = 1, .width = 80 };
}

void top_ui_free(struct top_ui *ui)
{
	free(ui->pane);
}

static struct top_view *view_of(struct top_ui *ui)
{
	return &ui->top->model.view[ui->tab];
}

__attribute__((format(printf, 2, 3))) static void say(struct top_ui *ui, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ui->message, sizeof(ui->message), format, args);
	va_end(args);
	ui->message_until = top_clock(CLOCK_MONOTONIC) + MESSAGE_NS;
}

/* ------------------------------------------------------------------------- panes */

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void open_pane(struct top_ui *ui, char *text)
{
	free(ui->pane);
	ui->pane = text;
	ui->pane_first = 0;
	ui->pane_lines = text ? lines_of(text) : 0;
	if (text)
		ui->mode = TOP_PANE;
	else
		say(ui, "there is not enough memory");
}

static void do_help(struct top_ui *ui)
{
	open_pane(ui, strdup(help_text));
	ui->pane_width = 0;
}

static void tell(struct top_ui *ui, const struct top_row *row)
{
	open_pane(ui, top_ladder_tell(&ui->top->ladder, &ui->top->model, ui->tab, row, ui->width));
	ui->pane_width = ui->width;
}

static void do_story(struct top_ui *ui)
{
	const struct top_row *row = top_view_row(view_of(ui));

	if (!row)
		return;
	snprintf(ui->pane_key, sizeof(ui->pane_key), "%s", row->key);
	tell(ui, row);
}

/* Lines are broken anew for another width; a row that went meanwhile keeps the old ones */
static void tell_again(struct top_ui *ui)
{
	const struct top_row *row = top_row_find(&ui->top->model.table[ui->tab], ui->pane_key);
	size_t first = ui->pane_first;

	if (ui->mode != TOP_PANE || !ui->pane_width || ui->pane_width == ui->width || !row)
		return;
	tell(ui, row);
	ui->pane_first = first;
}

static void scroll_pane(struct top_ui *ui, long by)
{
	long last = (long)ui->pane_lines - (long)ui->rows;
	long at = (long)ui->pane_first + by;

	if (at > last)
		at = last;
	ui->pane_first = at > 0 ? (size_t)at : 0;
}

/* The page is a row higher than that of a table, which has a heading */
static void key_in_pane(struct top_ui *ui, int key)
{
	const long page = (long)ui->rows;

	switch (key) {
	case TOP_KEY_UP:
		scroll_pane(ui, -1);
		break;
	case TOP_KEY_DOWN:
		scroll_pane(ui, 1);
		break;
	case TOP_KEY_PAGE_UP:
		scroll_pane(ui, -page);
		break;
	case TOP_KEY_PAGE_DOWN:
	case ' ':
		scroll_pane(ui, page);
		break;
	case TOP_KEY_HOME:
		ui->pane_first = 0;
		break;
	case TOP_KEY_END:
		scroll_pane(ui, (long)ui->pane_lines);
		break;
	case TOP_KEY_ESCAPE:
	case TOP_KEY_ENTER:
	case 'q':
	case '?':
		ui->mode = TOP_LIST;
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------------------ columns */

static void key_in_columns(struct top_ui *ui, int key)
{
	struct top_model *model = &ui->top->model;
	size_t n = model->table[ui->tab].n_columns;

	switch (key) {
	case TOP_KEY_UP:
		ui->chosen = (ui->chosen + n - 1) % n;
		break;
	case TOP_KEY_DOWN:
		ui->chosen = (ui->chosen + 1) % n;
		break;
	case ' ':
		top_view_toggle(model, ui->tab, ui->chosen);
		break;
	case TOP_KEY_ESCAPE:
	case TOP_KEY_ENTER:
	case 'c':
	case 'q':
		ui->mode = TOP_LIST;
		break;
	default:
		break;
	}
}

static void do_columns(struct top_ui *ui)
{
	ui->chosen = 0;
	ui->mode = TOP_CHOOSE;
}

/* ------------------------------------------------------------------------- typing */

/* True if the key belonged to the text */
static bool type(struct top_ui *ui, int key, size_t max)
{
	size_t n = strlen(ui->input);

	if (key == TOP_KEY_ERASE) {
		if (n)
			ui->input[n - 1] = '\0';
		return true;
	}
	if (key < ' ' || key > '~')
		return false;
	if (n + 1 < max) {
		ui->input[n] = (char)key;
		ui->input[n + 1] = '\0';
	}
	return true;
}

static void do_filter(struct top_ui *ui)
{
	snprintf(ui->before, sizeof(ui->before), "%s", view_of(ui)->filter);
	snprintf(ui->input, sizeof(ui->input), "%s", ui->before);
	ui->mode = TOP_FILTERS;
}

static void set_filter(struct top_ui *ui, const char *text)
{
	snprintf(view_of(ui)->filter, TOP_FILTER, "%s", text);
}

/* The table follows what is typed */
static void key_in_filter(struct top_ui *ui, int key)
{
	if (type(ui, key, TOP_FILTER)) {
		set_filter(ui, ui->input);
		return;
	}
	if (key == TOP_KEY_ESCAPE)
		set_filter(ui, ui->before);
	if (key == TOP_KEY_ESCAPE || key == TOP_KEY_ENTER)
		ui->mode = TOP_LIST;
}

static void do_save(struct top_ui *ui)
{
	ui->input[0] = '\0';
	if (view_of(ui)->n)
		ui->mode = TOP_SAVES;
	else
		say(ui, "there is no row to save");
}

/* A file that is there already stays as it is */
static void save(struct top_ui *ui)
{
	int fd = open(ui->input, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	char shown[SHOWN];
	size_t n = 0;
	bool good = out && top_view_save(&ui->top->model, ui->tab, out, &n);
	int why = errno;

	if (out && fclose(out) != 0 && good) {
		why = errno;
		good = false;
	} else if (!out && fd >= 0) {
		close(fd);
	}
	text_show(ui->input, shown, sizeof(shown));
	if (good)
		say(ui, "%zu row%s saved to %s", n, n == 1 ? "" : "s", shown);
	else
		say(ui, "not saved: %s: %s", shown, strerror(why));
}

static void key_in_save(struct top_ui *ui, int key)
{
	if (type(ui, key, TOP_INPUT))
		return;
	if (key == TOP_KEY_ENTER && ui->input[0])
		save(ui);
	if (key == TOP_KEY_ESCAPE || key == TOP_KEY_ENTER)
		ui->mode = TOP_LIST;
}

/* ------------------------------------------------------------------------ closing */

static void do_close(struct top_ui *ui)
{
	const struct top_row *row = top_view_row(view_of(ui));

	if (!ui->top->model.live)
		say(ui, "what is replayed is past: only a daemon's pinholes can be closed");
	else if (ui->tab != TOP_PINHOLES)
		say(ui, "pinholes are closed in the tab Pinholes");
	else if (row) {
		ui->id = row->id;
		ui->mode = TOP_CONFIRMS;
	}
}

static void key_in_question(struct top_ui *ui, int key)
{
	struct top *top = ui->top;

	if (key == TOP_KEY_NONE)
		return;
	ui->mode = TOP_LIST;
	if (key != 'y' && key != 'Y') {
		say(ui, "nothing is closed");
		return;
	}
	top->close_id = ui->id;
	top->close_wanted = true;
	pthread_cond_broadcast(&top->wake);
	say(ui, "closing pinhole %" PRIu64 " ...", ui->id);
}

/* ------------------------------------------------------------------------- tables */

static void do_up(struct top_ui *ui)
{
	top_view_move(view_of(ui), -1);
}

static void do_down(struct top_ui *ui)
{
	top_view_move(view_of(ui), 1);
}

static void do_page_up(struct top_ui *ui)
{
	top_view_move(view_of(ui), -(long)ui->rows);
}

static void do_page_down(struct top_ui *ui)
{
	top_view_move(view_of(ui), (long)ui->rows);
}

static void do_home(struct top_ui *ui)
{
	top_view_move(view_of(ui), -(long)TOP_ROWS_MAX);
}

static void do_end(struct top_ui *ui)
{
	top_view_move(view_of(ui), (long)TOP_ROWS_MAX);
}

static void do_next_tab(struct top_ui *ui)
{
	ui->tab = (enum top_tab)((ui->tab + 1) % TOP_TABS);
}

static void do_last_tab(struct top_ui *ui)
{
	ui->tab = (enum top_tab)((ui->tab + TOP_TABS - 1) % TOP_TABS);
}

static void do_sort_next(struct top_ui *ui)
{
	top_view_sort_next(&ui->top->model, ui->tab, 1);
}

static void do_sort_before(struct top_ui *ui)
{
	top_view_sort_next(&ui->top->model, ui->tab, -1);
}

static void do_turn(struct top_ui *ui)
{
	view_of(ui)->descending = !view_of(ui)->descending;
}

static void do_pause(struct top_ui *ui)
{
	top_pause(ui->top, !ui->top->paused);
}

static void do_mark(struct top_ui *ui)
{
	struct top_row *row = top_view_row(view_of(ui));

	if (row)
		row->marked = !row->marked;
	do_down(ui);
}

static void do_all(struct top_ui *ui)
{
	set_filter(ui, "");
}

static void do_quit(struct top_ui *ui)
{
	ui->quit = true;
}

/* ------------------------------------------------------------------------- replay */

static void do_skip(struct top_ui *ui)
{
	struct top *top = ui->top;

	if (!top->reading)
		return;
	top->skip = top->due_ns != 0;
	pthread_cond_broadcast(&top->wake);
}

static void change_speed(struct top_ui *ui, double by)
{
	double speed = ui->top->speed * by;

	if (ui->top->reading && speed > 1 / TOP_SPEED_MAX && speed <= TOP_SPEED_MAX)
		top_replay_speed(ui->top, speed);
}

static void do_faster(struct top_ui *ui)
{
	change_speed(ui, 2);
}

static void do_slower(struct top_ui *ui)
{
	change_speed(ui, 0.5);
}

/* --------------------------------------------------------------------------- keys */

enum whose { ALL, DAEMON, REPLAY };

/* In the order of the line of keys.  Those with a rank are in it, low ones as long as there is room */
static const struct {
	int key;
	void (*act)(struct top_ui *ui);
	const char *word; /* NULL: not in the line */
	const char *name; /* NULL: the key itself */
	enum whose whose;
	unsigned int rank;
} keys[] = {
	{ TOP_KEY_ENTER, do_story, "why", "Enter", ALL, 2 },
	{ '/', do_filter, "filter", NULL, ALL, 2 },
	{ '<', do_sort_before, "sort", "<>", ALL, 3 },
	{ '>', do_sort_next, NULL, NULL, ALL, 0 },
	{ TOP_KEY_LEFT, do_sort_before, NULL, NULL, ALL, 0 },
	{ TOP_KEY_RIGHT, do_sort_next, NULL, NULL, ALL, 0 },
	{ 'r', do_turn, "turn", NULL, ALL, 5 },
	{ 'c', do_columns, "cols", NULL, ALL, 4 },
	{ 'p', do_pause, "pause", NULL, ALL, 3 },
	{ 'n', do_skip, "next", NULL, REPLAY, 3 },
	{ '+', do_faster, "speed", "+-", REPLAY, 3 },
	{ '=', do_faster, NULL, NULL, REPLAY, 0 },
	{ '-', do_slower, NULL, NULL, REPLAY, 0 },
	{ ' ', do_mark, "mark", "Space", ALL, 6 },
	{ 's', do_save, "save", NULL, ALL, 4 },
	{ 'k', do_close, "close", NULL, DAEMON, 3 },
	{ '?', do_help, "help", NULL, ALL, 1 },
	{ 'h', do_help, NULL, NULL, ALL, 0 },
	{ 'q', do_quit, "quit", NULL, ALL, 1 },
	{ TOP_KEY_UP, do_up, NULL, NULL, ALL, 0 },
	{ TOP_KEY_DOWN, do_down, NULL, NULL, ALL, 0 },
	{ TOP_KEY_PAGE_UP, do_page_up, NULL, NULL, ALL, 0 },
	{ TOP_KEY_PAGE_DOWN, do_page_down, NULL, NULL, ALL, 0 },
	{ TOP_KEY_HOME, do_home, NULL, NULL, ALL, 0 },
	{ TOP_KEY_END, do_end, NULL, NULL, ALL, 0 },
	{ TOP_KEY_TAB, do_next_tab, NULL, NULL, ALL, 0 },
	{ TOP_KEY_BACK_TAB, do_last_tab, NULL, NULL, ALL, 0 },
	{ TOP_KEY_ESCAPE, do_all, NULL, NULL, ALL, 0 },
};

#define LEAST_RANK 6U

static void key_in_list(struct top_ui *ui, int key)
{
	if (key >= '1' && key < '1' + TOP_TABS) {
		ui->tab = (enum top_tab)(key - '1');
		return;
	}
	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].key == key)
			keys[i].act(ui);
}

void top_ui_key(struct top_ui *ui, int key)
{
	static void (*const modes[])(struct top_ui * ui, int key) = {
		[TOP_LIST] = key_in_list,      [TOP_PANE] = key_in_pane,
		[TOP_CHOOSE] = key_in_columns, [TOP_FILTERS] = key_in_filter,
		[TOP_SAVES] = key_in_save,     [TOP_CONFIRMS] = key_in_question,
	};

	modes[ui->mode](ui, key);
}

void top_ui_refresh(struct top_ui *ui, size_t rows, size_t width)
{
	struct top *top = ui->top;
	struct top_model *model = &top->model;

	ui->rows = rows ? rows : 1;
	ui->width = width;
	if (!top->paused)
		model->now_ns = model->live ? top_clock(CLOCK_REALTIME) : top_replay_now(top);
	if (top->closed[0]) {
		say(ui, "%s", top->closed);
		top->closed[0] = '\0';
	}
	top_fill_servers(model);
	for (size_t i = 0; i < TOP_TABS; i++)
		if (!top_view_build(model, (enum top_tab)i))
			say(ui, "there is not enough memory");
	/* the page has a column for the cursor and one for marks */
	top_view_layout(model, ui->tab, width > 2 ? (unsigned int)width - 2 : 1);
	top_view_page(view_of(ui), rows);
	tell_again(ui);
	scroll_pane(ui, 0);
}

/* --------------------------------------------------------------------------- lines */

bool top_ui_in_trouble(const struct top_ui *ui)
{
	const struct top *top = ui->top;

	return top->model.live && !top->paused &&
	       (!top->connected || top_clock(CLOCK_MONOTONIC) - top->answered_ns > SILENT_NS);
}

static const char *daemon_state(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	const struct top *top = ui->top;
	const struct top_model *model = &top->model;
	char span[WORDS_TIME];
	char silent[WORDS_TIME];

	if (top->answered_ns)
		words_duration((top_clock(CLOCK_MONOTONIC) - top->answered_ns) / NS_PER_S *
				       NS_PER_S,
			       silent);
	if (top_ui_in_trouble(ui) && top->answered_ns)
		snprintf(text, TOP_MESSAGE, "GONE for %s, asking again: %s",
			 strcmp(silent, "0.00 ms") == 0 ? "0 s" : silent, top->trouble);
	else if (top_ui_in_trouble(ui))
		snprintf(text, TOP_MESSAGE, "not there yet: %s",
			 top->trouble[0] ? top->trouble : "asking");
	else
		snprintf(text, TOP_MESSAGE, "%s  %s  up %s  %s", model->status[0], model->status[2],
			 words_duration(model->uptime_s < UINT32_MAX ? model->uptime_s * NS_PER_S :
								       0,
					span),
			 model->status[1]);
	return text;
}

static const char *replay_state(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	const struct top *top = ui->top;
	char moment[WORDS_TIME] = "";
	char wait[WORDS_TIME];
	char speed[WORDS_NUMBER] = "max";
	int n;

	if (top->model.now_ns)
		words_moment(top->model.now_ns, "%Y-%m-%d %H:%M:%S", moment);
	if (top->speed > 0)
		snprintf(speed, sizeof(speed), "x%.6g", top->speed);
	n = snprintf(text, TOP_MESSAGE, "replay %s  %s", speed, moment);
	if (top->ended)
		snprintf(text + n, TOP_MESSAGE - (size_t)n, "  end of the captures");
	else if (top->due_ns > top->model.now_ns + NS_PER_S)
		snprintf(text + n, TOP_MESSAGE - (size_t)n, "  next packet in %s",
			 words_duration(top->due_ns - top->model.now_ns, wait));
	return text;
}

const char *top_ui_title(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	char state[TOP_MESSAGE];

	snprintf(text, TOP_MESSAGE, "rpcgate top  %.370s%s",
		 ui->top->model.live ? daemon_state(ui, state) : replay_state(ui, state),
		 ui->top->paused ? "  PAUSED" : "");
	return text;
}

__attribute__((format(printf, 3, 4))) static size_t add(char *text, size_t n, const char *format,
							...)
{
	va_list args;
	int more;

	if (n >= TOP_MESSAGE)
		return n;
	va_start(args, format);
	more = vsnprintf(text + n, TOP_MESSAGE - n, format, args);
	va_end(args);
	return n + (more > 0 ? (size_t)more : 0);
}

const char *top_ui_totals(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	static const struct {
		const char *word;
		const char *counter;
	} totals[] = {
		{ "open", "pinholes_live" },     { "binds allowed", "binds_allowed" },
		{ "refused", "binds_denied" },   { "announced", "bindings" },
		{ "connections", "flows_live" }, { "packets", "packets" },
	};
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < COUNT(totals); i++) {
		uint64_t value = top_counter(&ui->top->model, totals[i].counter);
		char number[WORDS_NUMBER];
		char item[WORDS_NUMBER + 32];

		snprintf(item, sizeof(item), "%s%s %s", n ? "   " : "", totals[i].word,
			 value == TOP_UNKNOWN ? "-" : words_number(value, number));
		/* what does not fit as a whole is left out */
		if (n + strlen(item) > ui->width)
			break;
		n = add(text, n, "%s", item);
	}
	return text;
}

static const char *question(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	switch (ui->mode) {
	case TOP_FILTERS:
		snprintf(text, TOP_MESSAGE, "show only rows with: %s_", ui->input);
		return text;
	case TOP_SAVES:
		snprintf(text, TOP_MESSAGE, "save rows as lines of JSON to the new file: %s_",
			 ui->input);
		return text;
	case TOP_CONFIRMS:
		snprintf(text, TOP_MESSAGE,
			 "close pinhole %" PRIu64 ", with all of its interfaces?  y: yes, "
			 "any other key: no",
			 ui->id);
		return text;
	default:
		return NULL;
	}
}

static const char *table_state(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	const struct top_table *table = &ui->top->model.table[ui->tab];
	const struct top_view *view = &ui->top->model.view[ui->tab];
	char number[WORDS_NUMBER], all[WORDS_NUMBER];
	size_t n = 0;

	if (!table->n && ui->tab == TOP_REFUSED && ui->top->model.live && !ui->top->model.counting)
		n = add(text, 0, "refusals stand in the events: start with --events FILE");
	else if (!table->n)
		n = add(text, 0, "nothing yet");
	else
		n = add(text, 0, "row %s of %s",
			words_number(view->n ? view->cursor + 1 : 0, number),
			words_number(view->n, all));
	if (view->filter[0])
		n = add(text, n, "   filter: %s", view->filter);
	if (table->gone)
		n = add(text, n, "   %s older rows are not kept",
			words_number(table->gone, number));
	if (table->left_out)
		n = add(text, n, "   %s more rows found no room",
			words_number(table->left_out, number));
	if (view->squeezed)
		n = add(text, n, "   %u more column%s: too narrow", view->squeezed,
			view->squeezed == 1 ? "" : "s");
	if (ui->top->bad_lines)
		add(text, n, "   %s line%s of events %s not understood",
		    words_number(ui->top->bad_lines, number), ui->top->bad_lines == 1 ? "" : "s",
		    ui->top->bad_lines == 1 ? "was" : "were");
	return text;
}

const char *top_ui_state(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	const char *asked = question(ui, text);

	if (asked)
		return asked;
	if (ui->message[0] && top_clock(CLOCK_MONOTONIC) < ui->message_until)
		return ui->message;
	if (ui->mode == TOP_PANE) {
		size_t end = ui->pane_first + ui->rows;

		snprintf(text, TOP_MESSAGE, "lines %zu to %zu of %zu", ui->pane_first + 1,
			 end < ui->pane_lines ? end : ui->pane_lines, ui->pane_lines);
		return text;
	}
	return table_state(ui, text);
}

static bool is_offered(const struct top_ui *ui, size_t i, unsigned int rank)
{
	bool live = ui->top->model.live;

	if (!keys[i].word || keys[i].rank > rank)
		return false;
	if (keys[i].key == 'k' && ui->tab != TOP_PINHOLES)
		return false;
	return keys[i].whose == ALL || (keys[i].whose == DAEMON) == live;
}

static size_t list_keys(const struct top_ui *ui, char text[TOP_MESSAGE], unsigned int rank)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(keys); i++) {
		const char own[2] = { (char)keys[i].key, '\0' };

		if (is_offered(ui, i, rank))
			n = add(text, n, "%s%s:%s", n ? " " : "", keys[i].name ? keys[i].name : own,
				keys[i].word);
	}
	return n;
}

const char *top_ui_keys(const struct top_ui *ui, char text[TOP_MESSAGE])
{
	unsigned int rank = LEAST_RANK;

	switch (ui->mode) {
	case TOP_PANE:
		return "Up:back Down:on PgUp:page PgDn:page Home:first End:last Esc:close";
	case TOP_CHOOSE:
		return "Up:before Down:next Space:on/off Esc:close";
	case TOP_FILTERS:
		return "Enter:take Esc:as before";
	case TOP_SAVES:
		return "Enter:save Esc:do not";
	case TOP_CONFIRMS:
		return "y:close n:leave open";
	default:
		while (list_keys(ui, text, rank) >= ui->width && rank > 1)
			rank--;
		return text;
	}
}
