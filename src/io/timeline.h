/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timeline.h - many capture files as one stream of packets, in order of time
 *
 * Files and directories are put in order of their names, so the order of arguments changes
 * nothing; then their packets are merged by time, equal times in order of names.  Inside one file
 * packets keep the order they have.  Directories are read to any depth; names that begin with a
 * dot are left alone, links to directories are not followed, and files that are no captures are
 * skipped and counted.  A file reached twice is read once.
 *
 * Every file is opened once to see its first packet; files that begin later than the merge has
 * come are not kept open when there are many (see timeline.c).
 */
#ifndef IO_TIMELINE_H
#define IO_TIMELINE_H

#include "capture.h"

struct timeline;

/** Told of each input that cannot be used, or not to its end. */
typedef void timeline_fault(void *ctx, const char *name, const struct capture_fault *fault);

/** Where a packet comes from. */
struct timeline_place {
	const char *file; /**< as given, or as found below a directory that was given */
	uint64_t frame;   /**< number in that file, from 1 */
};

/** What was read, so far. */
struct timeline_extent {
	size_t files;    /**< captures read from */
	size_t skipped;  /**< files in directories that are no captures */
	size_t faults;   /**< inputs that were reported */
	size_t odd;      /**< with something odd in them, which was told */
	uint64_t taken;  /**< octets read, as they lie on disk */
	uint64_t octets; /**< octets there are; more may come if not size_known */
	bool size_known; /**< every input is a regular file */
};

/**
 * Find all inputs and see their first packets.
 * @param names   files, directories, or "-" for standard input; borrowed for the call
 * @param on_fault  called for each fault, now and during timeline_next()
 * @return the timeline; NULL if memory is short
 */
struct timeline *timeline_open(const char *const *names, size_t n, timeline_fault *on_fault,
			       void *ctx);
/** Close and free; NULL is fine. */
void timeline_close(struct timeline *timeline);

/** From now on tell somebody else of faults. */
void timeline_report(struct timeline *timeline, timeline_fault *on_fault, void *ctx);

/**
 * The next packet of all.
 * @param packet  its octets are valid until the next call
 * @param place   its name is valid until timeline_close()
 * @return false when there are no more
 */
bool timeline_next(struct timeline *timeline, struct rpcgate_packet *packet,
		   struct timeline_place *place);

/**
 * The next packets, all there at once: more than one where a single capture is read.
 * @param packets  room for @p max, at least 1
 * @param place    of the first; the others have the frames behind it
 * @return how many; 0 when there are no more
 */
size_t timeline_next_batch(struct timeline *timeline, struct rpcgate_packet *packets, size_t max,
			   struct timeline_place *place);

/**
 * Read what comes next into @p room, where it stays when the next one is given.
 * @param room  borrowed until then; NULL: none any more
 * @return false if packets come from elsewhere and stay until the next call: of several captures at
 *         a time, or of one that libpcap reads
 */
bool timeline_read_into(struct timeline *timeline, uint8_t room[CAPTURE_ROOM]);
/** True if the next packets are in the room already. */
bool timeline_is_ready(const struct timeline *timeline);

/** How far it has come. */
struct timeline_extent timeline_extent(const struct timeline *timeline);

#endif
