/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "line_stream.h"

FILE *line_stream_begin(struct line_stream *lines)
{
	if (lines->out)
		rewind(lines->out); /* what is behind the new end is no part of it: POSIX */
	else
		lines->out = open_memstream(&lines->text, &lines->n);
	return lines->out;
}

bool line_stream_end(struct line_stream *lines, bool good)
{
	if (good && lines->out && !ferror(lines->out) && fflush(lines->out) == 0 && lines->n)
		return true;
	line_stream_free(lines); /* the next line begins with a new one */
	return false;
}

void line_stream_free(struct line_stream *lines)
{
	if (lines->out)
		(void)fclose(lines->out);
	free(lines->text);
	*lines = (struct line_stream){ 0 };
}
