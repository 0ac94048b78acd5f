-- SPDX-License-Identifier: GPL-3.0-or-later
-- What was bound for the first time on the last day of these events
WITH firsts AS (
	SELECT src_ip AS client, dest_ip AS server, coalesce(rpc_bind.name, rpc_bind.uuid) AS interface,
		min(moment) AS first, arg_min(rpc_bind.verdict, moment) AS verdict
	FROM events
	WHERE event_type = 'rpc_bind' AND rpc_bind.reason <> 'mapper'
	GROUP BY ALL
)
SELECT *
FROM firsts
WHERE first >= (SELECT date_trunc('day', max(moment)) FROM events)
ORDER BY first, client, server, interface;
