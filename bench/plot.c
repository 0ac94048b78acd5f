/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plot.c - one SVG for each topic: lines over a logarithmic axis, or bars where there is no axis */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WIDTH 860
#define HEIGHT 430
#define LEFT 80
#define RIGHT 250 /* for the names */
#define TOP 40
#define BOTTOM 50
#define SERIES_MAX 40

struct plot {
	const struct bench *bench;
	const char *topic;
	FILE *out;
	const char *series[SERIES_MAX];
	unsigned n_series;
	double x_low, x_high, y_high;
	bool bars;
};

static const char *const colours[] = { "#1b6ca8", "#d1495b", "#2e8b57", "#8e6c8a", "#e08e45",
				       "#3c3c3c", "#00a6a6", "#b8860b", "#7a5cff", "#9a9a9a" };

static const char *colour(unsigned series)
{
	return colours[series % (sizeof(colours) / sizeof(colours[0]))];
}

static bool belongs(const struct plot *p, const struct figure *f)
{
	return strcmp(f->topic, p->topic) == 0;
}

static unsigned series_of(const struct plot *p, const struct figure *f)
{
	unsigned i = 0;

	while (i < p->n_series && strcmp(p->series[i], f->series) != 0)
		i++;
	return i;
}

static void measure(struct plot *p)
{
	p->bars = true;
	p->x_low = HUGE_VAL;
	for (size_t i = 0; i < p->bench->n; i++) {
		const struct figure *f = &p->bench->figures[i];

		if (!belongs(p, f))
			continue;
		if (series_of(p, f) == p->n_series && p->n_series < SERIES_MAX)
			p->series[p->n_series++] = f->series;
		p->bars = p->bars && f->x == 0;
		p->x_low = fmin(p->x_low, f->x > 0 ? f->x : 1);
		p->x_high = fmax(p->x_high, f->x);
		p->y_high = fmax(p->y_high, f->high);
	}
	if (p->x_high <= p->x_low)
		p->x_high = p->x_low * 10;
}

static double x_of(const struct plot *p, double x)
{
	double part = log(fmax(x, p->x_low) / p->x_low) / log(p->x_high / p->x_low);

	return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct plot *p, double y)
{
	return HEIGHT - BOTTOM - y / p->y_high * (HEIGHT - TOP - BOTTOM);
}

static void axes(const struct plot *p, const char *unit)
{
	fprintf(p->out,
		"<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
		"font-family='sans-serif' font-size='12'>\n<rect width='100%%' height='100%%' "
		"fill='white'/>\n<text x='%d' y='24' font-size='15'>%s (%s)</text>\n",
		WIDTH, HEIGHT, LEFT, p->topic, unit);
	for (int i = 0; i <= 5; i++) {
		double value = p->y_high * i / 5;

		fprintf(p->out,
			"<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>\n"
			"<text x='%d' y='%.1f' text-anchor='end'>%.3g</text>\n",
			LEFT, WIDTH - RIGHT, y_of(p, value), y_of(p, value), LEFT - 6,
			y_of(p, value) + 4, value);
	}
	for (double x = pow(10, ceil(log10(p->x_low))); !p->bars && x <= p->x_high * 1.001; x *= 10)
		fprintf(p->out, "<text x='%.1f' y='%d' text-anchor='middle'>%.7g</text>\n",
			x_of(p, x), HEIGHT - BOTTOM + 18, x);
}

static void draw_lines(const struct plot *p, unsigned series)
{
	fprintf(p->out, "<polyline fill='none' stroke='%s' stroke-width='2' points='",
		colour(series));
	for (size_t i = 0; i < p->bench->n; i++) {
		const struct figure *f = &p->bench->figures[i];

		if (belongs(p, f) && series_of(p, f) == series)
			fprintf(p->out, "%.1f,%.1f ", x_of(p, f->x), y_of(p, f->median));
	}
	fputs("'/>\n", p->out);
	for (size_t i = 0; i < p->bench->n; i++) {
		const struct figure *f = &p->bench->figures[i];

		if (belongs(p, f) && series_of(p, f) == series)
			fprintf(p->out,
				"<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='%s'/>\n",
				x_of(p, f->x), x_of(p, f->x), y_of(p, f->low), y_of(p, f->high),
				colour(series));
	}
	fprintf(p->out, "<text x='%d' y='%u' fill='%s'>%s</text>\n", WIDTH - RIGHT + 10,
		TOP + 14 + series * 16, colour(series), p->series[series]);
}

static void draw_bar(const struct plot *p, const struct figure *f, unsigned place)
{
	double step = (double)(WIDTH - LEFT - RIGHT) / p->n_series;
	double x = LEFT + step * place;

	fprintf(p->out,
		"<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'/>\n"
		"<text x='%d' y='%u' fill='%s'>%s: %.3g</text>\n",
		x + step * 0.1, y_of(p, f->median), step * 0.8, y_of(p, 0) - y_of(p, f->median),
		colour(place), WIDTH - RIGHT + 10, TOP + 14 + place * 16, colour(place), f->series,
		f->median);
}

static bool draw(struct plot *p, const char *unit)
{
	axes(p, unit);
	for (unsigned s = 0; !p->bars && s < p->n_series; s++)
		draw_lines(p, s);
	for (size_t i = 0; p->bars && i < p->bench->n; i++)
		if (belongs(p, &p->bench->figures[i]))
			draw_bar(p, &p->bench->figures[i], series_of(p, &p->bench->figures[i]));
	return fputs("</svg>\n", p->out) >= 0;
}

static bool plot(const struct bench *b, const struct figure *first, const char *directory)
{
	struct plot p = { .bench = b, .topic = first->topic };
	char path[4096];
	bool good;

	snprintf(path, sizeof(path), "%s/%s.svg", directory, first->topic);
	for (char *c = path + strlen(directory) + 1; *c; c++)
		if (*c == ' ' || *c == '/')
			*c = '-';
	p.out = fopen(path, "w");
	if (!p.out) {
		fprintf(stderr, "rpcgate-bench: %s: %s\n", path, strerror(errno));
		return false;
	}
	measure(&p);
	good = draw(&p, first->unit);
	return fclose(p.out) == 0 && good;
}

bool bench_plot(const struct bench *b, const char *directory)
{
	bool good = true;

	if (mkdir(directory, 0777) < 0 && errno != EEXIST) {
		fprintf(stderr, "rpcgate-bench: %s: %s\n", directory, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < b->n; i++) {
		size_t earlier = 0;

		while (strcmp(b->figures[earlier].topic, b->figures[i].topic) != 0)
			earlier++;
		if (earlier == i)
			good &= plot(b, &b->figures[i], directory);
	}
	return good;
}
