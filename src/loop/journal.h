/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal.h - lines of events as entries of the journal
 *
 * The datagram protocol of systemd-journald ("Native Journal Protocol"): NAME=value and a line end
 * for a value without line ends, else NAME, a line end, 64 bits of length (little-endian), the value
 * and a line end.  Sending never waits.
 *
 *	MESSAGE            a sentence for people, PRIORITY, SYSLOG_IDENTIFIER=rpcgate
 *	RPCGATE_EVENT      event_type
 *	RPCGATE_VERDICT, _REASON, _CLIENT, _SERVER, _PORT, _INTERFACE     where the event has them
 *	RPCGATE_JSON       the line itself
 */
#ifndef LOOP_JOURNAL_H
#define LOOP_JOURNAL_H

#include "rpcgate.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct journal;

/**
 * Open the way to the journal.
 * @param path  of its socket; NULL: JOURNAL_SOCKET
 * @param err   one line, on failure
 * @return NULL on failure
 */
struct journal *journal_open(const char *path, char err[RPCGATE_ERROR_SIZE]);
/** Close and free; NULL is fine. */
void journal_close(struct journal *journal);

/**
 * Send a line of json.h as an entry.
 * @param line  @p n octets; a line end behind it is left out
 * @return false if it could not be sent, errno says why; it was counted
 */
bool journal_send(struct journal *journal, const char *line, size_t n);

/** Entries that could not be sent. */
uint64_t journal_lost(const struct journal *journal);

/**
 * The entry that journal_send() sends.
 * @param n  becomes its length
 * @return octets to be freed; NULL if memory is short
 */
char *journal_entry(const char *line, size_t line_n, size_t *n);

#endif
