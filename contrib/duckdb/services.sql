-- SPDX-License-Identifier: GPL-3.0-or-later
-- Who uses which service of which server
SELECT coalesce(rpc_bind.service, 'unknown') AS service, dest_ip AS server, src_ip AS client,
	count(*) FILTER (rpc_bind.verdict <> 'deny') AS allowed,
	count(*) FILTER (rpc_bind.verdict = 'deny') AS refused
FROM events
WHERE event_type = 'rpc_bind' AND rpc_bind.reason <> 'mapper'
GROUP BY ALL
ORDER BY service, server, client;
