// Orders go out, and their confirmation comes in, without leaving the page.
"use strict";
enliven();
