import { openStorage } from 'trefoil';
import { App } from './app.ts';
import { Link } from './link.ts';

new App(new Link(await openStorage('whiteboard')));
