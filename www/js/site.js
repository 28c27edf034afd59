// Where the site is, in whatever folder of whatever host: this file lies one folder deep in it, alone or bundled with
// others. Addresses of the site's files are made from here and nowhere else.

export const SITE = new URL("../", import.meta.url);
