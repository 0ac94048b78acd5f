/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timeline.c - the merge
 *
 * waiting: inputs in order of (time of the first packet, name)
 * active:  a heap of open captures in order of (time of the packet at hand, name)
 *
 * An input becomes active when the merge reaches its first packet.  At most OPEN_MAX captures are
 * active at a time.  Where more than that many overlap, the rest waits for a place and is read
 * after, in order of its first packets: its packets then come late, which the engine takes as
 * "time never goes back", instead of running out of descriptors and memory.
 *
 * With few inputs all stay open from the first look on; with many, those that can be opened again
 * are closed after the look, and unpacking their beginning twice is the price.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "timeline.h"

#define OPEN_MAX_CAPTURES 64 /* some 400 KiB each, and what zstd needs for its window */

struct input {
	char *name;
	bool named; /* given by name: that it is no capture is an error */
	dev_t device;
	ino_t inode;
	off_t size;
	bool regular;
	size_t order; /* place among all names */
	uint64_t first_ns;
	struct capture *capture;    /* NULL while closed */
	struct rpcgate_packet head; /* the packet at hand, while open */
};

struct timeline {
	struct input *inputs;
	size_t n, room;
	size_t waiting; /* inputs from here on are not active yet */
	size_t *active; /* heap of indices into inputs */
	size_t n_active;
	bool advance;          /* the packet at the top was handed out */
	bool failed;           /* memory was short */
	uint64_t taken_before; /* octets taken from captures closed by now */
	struct timeline_extent extent;
	timeline_fault *report;
	void *ctx;
};

static void report(struct timeline *t, const char *name, const struct capture_fault *fault)
{
	if (fault->kind == CAPTURE_ODD)
		t->extent.odd++;
	else
		t->extent.faults++;
	t->report(t->ctx, name, fault);
}

static void report_errno(struct timeline *t, const char *name)
{
	struct capture_fault fault = { .kind = CAPTURE_UNREADABLE };

	snprintf(fault.text, sizeof(fault.text), "cannot be opened: %s", strerror(errno));
	report(t, name, &fault);
}

/* ------------------------------------------------------------ finding inputs */

/* Takes @name over. */
static void add_input(struct timeline *t, char *name, bool named, const struct stat *status)
{
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct input *more = reallocarray(t->inputs, room, sizeof(*more));

		if (!more) {
			t->failed = true;
			free(name);
			return;
		}
		t->inputs = more;
		t->room = room;
	}
	t->inputs[t->n++] = (struct input){
		.name = name,
		.named = named,
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.regular = S_ISREG(status->st_mode) && strcmp(name, "-") != 0,
	};
}

/* Directories still to be read, as a stack: depth costs memory, never the call stack. */
struct directories {
	char **path;
	size_t n, room;
};

/* Takes @path over. */
static bool push(struct directories *todo, char *path)
{
	if (todo->n == todo->room) {
		size_t room = todo->room ? 2 * todo->room : 16;
		char **more = reallocarray(todo->path, room, sizeof(*more));

		if (!more) {
			free(path);
			return false;
		}
		todo->path = more;
		todo->room = room;
	}
	todo->path[todo->n++] = path;
	return true;
}

static char *join(const char *directory, const char *name)
{
	size_t n = strlen(directory);
	char *path;

	while (n > 1 && directory[n - 1] == '/')
		n--;
	if (asprintf(&path, "%.*s%s%s", (int)n, directory, directory[n - 1] == '/' ? "" : "/",
		     name) < 0)
		return NULL;
	return path;
}

/* What lies in a directory: subdirectories for later, regular files, nothing that could block. */
static void add_entry(struct timeline *t, struct directories *todo, char *path)
{
	struct stat link;
	struct stat status;

	if (lstat(path, &link) < 0 || stat(path, &status) < 0) {
		report_errno(t, path);
		free(path);
	} else if (S_ISDIR(link.st_mode)) {
		if (!push(todo, path))
			t->failed = true;
	} else if (S_ISREG(status.st_mode)) {
		add_input(t, path, false, &status);
	} else {
		if (!S_ISDIR(status.st_mode))
			t->extent.skipped++;
		free(path);
	}
}

static void read_directory(struct timeline *t, struct directories *todo, const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	if (!directory) {
		report_errno(t, path);
		return;
	}
	while ((entry = readdir(directory)) && !t->failed) {
		char *name;

		if (entry->d_name[0] == '.')
			continue;
		name = join(path, entry->d_name);
		if (name)
			add_entry(t, todo, name);
		else
			t->failed = true;
	}
	closedir(directory);
}

static void add_tree(struct timeline *t, const char *path)
{
	struct directories todo = { 0 };
	char *next = strdup(path);

	if (!next || !push(&todo, next))
		t->failed = true;
	while (todo.n) {
		next = todo.path[--todo.n];
		read_directory(t, &todo, next);
		free(next);
	}
	free(todo.path);
}

static void add_argument(struct timeline *t, const char *name)
{
	struct stat status;
	char *copy;

	if ((strcmp(name, "-") == 0 ? fstat(0, &status) : stat(name, &status)) < 0) {
		report_errno(t, name);
		return;
	}
	if (S_ISDIR(status.st_mode)) {
		add_tree(t, name);
		return;
	}
	copy = strdup(name);
	if (copy)
		add_input(t, copy, true, &status);
	else
		t->failed = true;
}

/* The same file together, the one given by name first, so that it is the one that stays. */
static int by_identity(const void *left, const void *right)
{
	const struct input *a = left;
	const struct input *b = right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	if (a->named != b->named)
		return a->named ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void drop_repeated(struct timeline *t)
{
	size_t kept = 0;

	qsort(t->inputs, t->n, sizeof(*t->inputs), by_identity);
	for (size_t i = 0; i < t->n; i++) {
		struct input *input = &t->inputs[i];

		if (kept && input->device == t->inputs[kept - 1].device &&
		    input->inode == t->inputs[kept - 1].inode)
			free(input->name);
		else
			t->inputs[kept++] = *input;
	}
	t->n = kept;
}

static int by_name(const void *left, const void *right)
{
	const struct input *a = left;
	const struct input *b = right;

	return strcmp(a->name, b->name);
}

static int by_first_packet(const void *left, const void *right)
{
	const struct input *a = left;
	const struct input *b = right;

	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* ------------------------------------------------------------- opening, reading */

static void close_input(struct timeline *t, struct input *input)
{
	if (!input->capture)
		return;
	t->taken_before += capture_taken(input->capture);
	capture_close(input->capture);
	input->capture = NULL;
}

static void end_input(struct timeline *t, struct input *input, const struct capture_fault *fault)
{
	struct capture_fault remark;

	if (fault->kind != CAPTURE_FINE)
		report(t, input->name, fault);
	if (capture_remark(input->capture, &remark))
		report(t, input->name, &remark);
	close_input(t, input);
}

/* Put the next packet at hand; false, and closed, when there is none. */
static bool read_head(struct timeline *t, struct input *input)
{
	struct capture_fault fault;

	if (capture_next(input->capture, &input->head, &fault))
		return true;
	end_input(t, input, &fault);
	return false;
}

static bool open_input(struct timeline *t, struct input *input)
{
	struct capture_fault fault;

	input->capture = capture_open(input->name, &fault);
	if (input->capture)
		return true;
	if (fault.kind == CAPTURE_FOREIGN && !input->named)
		t->extent.skipped++;
	else
		report(t, input->name, &fault);
	return false;
}

/* See the first packet of each input; those without one are done with. */
static void look_at_all(struct timeline *t)
{
	bool keep_open = t->n <= OPEN_MAX_CAPTURES;
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct input input = t->inputs[i];
		bool more;

		input.order = i;
		more = open_input(t, &input);
		if (more) {
			t->extent.files++;
			more = read_head(t, &input);
		}
		if (!more) {
			free(input.name);
			continue;
		}
		input.first_ns = input.head.time_ns;
		if (!keep_open && capture_can_reopen(input.capture)) {
			capture_close(input.capture);
			input.capture = NULL;
		}
		t->inputs[kept++] = input;
	}
	t->n = kept;
}

static void measure(struct timeline *t)
{
	t->extent.size_known = true;
	for (size_t i = 0; i < t->n; i++) {
		if (t->inputs[i].regular)
			t->extent.octets += (uint64_t)t->inputs[i].size;
		else
			t->extent.size_known = false;
	}
}

struct timeline *timeline_open(const char *const *names, size_t n, timeline_fault *on_fault,
			       void *ctx)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->report = on_fault;
	t->ctx = ctx;
	for (size_t i = 0; i < n && !t->failed; i++)
		add_argument(t, names[i]);
	if (!t->failed && t->n) {
		drop_repeated(t);
		qsort(t->inputs, t->n, sizeof(*t->inputs), by_name);
		measure(t);
		look_at_all(t);
		qsort(t->inputs, t->n, sizeof(*t->inputs), by_first_packet);
	}
	t->active = calloc(OPEN_MAX_CAPTURES, sizeof(*t->active));
	if (t->failed || !t->active) {
		timeline_close(t);
		return NULL;
	}
	return t;
}

void timeline_close(struct timeline *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		capture_close(t->inputs[i].capture);
		free(t->inputs[i].name);
	}
	free(t->inputs);
	free(t->active);
	free(t);
}

void timeline_report(struct timeline *t, timeline_fault *on_fault, void *ctx)
{
	t->report = on_fault;
	t->ctx = ctx;
}

/* ------------------------------------------------------------------- merging */

static bool before(const struct timeline *t, size_t left, size_t right)
{
	const struct input *a = &t->inputs[t->active[left]];
	const struct input *b = &t->inputs[t->active[right]];

	if (a->head.time_ns != b->head.time_ns)
		return a->head.time_ns < b->head.time_ns;
	return a->order < b->order;
}

static void exchange(struct timeline *t, size_t left, size_t right)
{
	size_t index = t->active[left];

	t->active[left] = t->active[right];
	t->active[right] = index;
}

static void sift_down(struct timeline *t)
{
	size_t at = 0;

	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < t->n_active && before(t, child, least))
				least = child;
		if (least == at)
			return;
		exchange(t, at, least);
		at = least;
	}
}

static void sift_up(struct timeline *t)
{
	size_t at = t->n_active - 1;

	while (at && before(t, at, (at - 1) / 2)) {
		exchange(t, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

/* The packet at the top was used: put the next one of that capture in its place. */
static void advance(struct timeline *t)
{
	t->advance = false;
	if (!read_head(t, &t->inputs[t->active[0]]))
		t->active[0] = t->active[--t->n_active];
	sift_down(t);
}

/* The merge has reached the first packet of the next waiting input, and there is a place. */
static bool next_is_due(const struct timeline *t)
{
	return t->waiting < t->n && t->n_active < OPEN_MAX_CAPTURES &&
	       (!t->n_active ||
		t->inputs[t->waiting].first_ns <= t->inputs[t->active[0]].head.time_ns);
}

static void activate_next(struct timeline *t)
{
	struct input *input = &t->inputs[t->waiting];
	size_t index = t->waiting++;

	if (!input->capture && (!open_input(t, input) || !read_head(t, input)))
		return;
	t->active[t->n_active++] = index;
	sift_up(t);
}

bool timeline_next(struct timeline *t, struct rpcgate_packet *packet, struct timeline_place *place)
{
	const struct input *input;

	if (t->advance)
		advance(t);
	while (next_is_due(t))
		activate_next(t);
	if (!t->n_active)
		return false;
	input = &t->inputs[t->active[0]];
	*packet = input->head;
	place->file = input->name;
	place->frame = capture_frame(input->capture);
	t->advance = true;
	return true;
}

/* One capture is open and none waits: nothing is to be merged */
static bool is_alone(const struct timeline *t)
{
	return t->advance && t->n_active == 1 && t->waiting == t->n;
}

size_t timeline_next_batch(struct timeline *t, struct rpcgate_packet *packets, size_t max,
			   struct timeline_place *place)
{
	struct capture_fault fault;
	struct input *only;
	size_t n;

	if (!is_alone(t))
		return timeline_next(t, packets, place);
	only = &t->inputs[t->active[0]];
	n = capture_next_batch(only->capture, packets, max, &fault);
	if (n) {
		*place =
			(struct timeline_place){ only->name, capture_frame(only->capture) - n + 1 };
		return n;
	}
	end_input(t, only, &fault);
	t->n_active = 0;
	t->advance = false;
	return 0;
}

/* Who is alone stays it to its end: no other one's packet is at hand while rooms change */
bool timeline_read_into(struct timeline *t, uint8_t room[CAPTURE_ROOM])
{
	return is_alone(t) && capture_read_into(t->inputs[t->active[0]].capture, room);
}

bool timeline_is_ready(const struct timeline *t)
{
	return is_alone(t) && capture_has_record(t->inputs[t->active[0]].capture);
}

struct timeline_extent timeline_extent(const struct timeline *t)
{
	struct timeline_extent extent = t->extent;

	extent.taken = t->taken_before;
	for (size_t i = 0; i < t->n_active; i++)
		extent.taken += capture_taken(t->inputs[t->active[i]].capture);
	return extent;
}
