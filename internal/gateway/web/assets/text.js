// How numbers and times are written.

export const seconds = (ns) => {
  const s = ns / 1e9;
  if (s < 60) return `${s.toFixed(s < 10 ? 2 : 1)} s`;
  return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
};

export const bytes = (n) => (n >= 1 << 30 ? `${(n / 2 ** 30).toFixed(1)} GiB` : `${Math.round(n / 2 ** 20)} MiB`);

export const dollars = (usd) => {
  if (usd === null || usd === undefined) return 'unknown';
  if (usd === 0) return '$0';
  return `$${usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(2)}`;
};

export const number = (n) => n.toLocaleString('en');

// cost is that of a route.
export const cost = (route) => (route && route.cost ? dollars(route.cost.usd) : 'unknown');

// attemptText is one target that was considered, in a line.
export const attemptText = (a) => {
  const parts = [`${a.provider}${a.host ? `/${a.host}` : ''}${a.model ? `/${a.model}` : ''}: ${a.outcome}`];
  if (a.reason) parts.push(a.reason);
  if (a.took_ns) parts.push(seconds(a.took_ns));
  return parts.join(', ');
};
